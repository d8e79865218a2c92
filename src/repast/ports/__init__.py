"""Small abstract classes that backends implement, and the values that cross them."""
