-- Which schemes and costs passwords are kept with is asked at every refused login, which takes the
-- work of all of them.

CREATE INDEX passwords_by_hash ON passwords (hash);
