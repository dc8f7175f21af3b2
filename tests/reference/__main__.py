"""Write what is generated from the code: docs/reference, man pages, the schema of the chart."""

from tests.reference import chart, man, pages

pages.write()
man.write()
chart.write()
