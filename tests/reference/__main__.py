"""Write the generated pages of docs/reference, and man pages: ./scripts/reference."""

from tests.reference import man, pages

pages.write()
man.write()
