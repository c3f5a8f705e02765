"""What a network is: frozen values, no input or output. Imports the standard library alone."""
