"""The soak: two weeks of a hundred thousand connections, with everything that goes wrong in two weeks (`make soak`)."""
