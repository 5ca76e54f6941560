"""The ``dsk`` command line: thin typer functions in ``commands``, the work in the other modules."""
