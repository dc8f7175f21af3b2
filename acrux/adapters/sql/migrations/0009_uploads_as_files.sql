-- An upload's file says all of it: its name is made of the session that began it, and its length
-- is its offset.

DROP TABLE uploads;
