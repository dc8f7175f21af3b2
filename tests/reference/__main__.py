"""Write the generated pages of docs/reference: ./scripts/reference."""

from tests.reference import pages

pages.write()
