"""The benchmark: a whole cycle by the product and by its peers (`bench/`), on the same files, in turn, and compared."""
