# Short names for what `cargo xtask --help` explains. `make up ARGS=--once` passes arguments on.
.PHONY: help bench build checksum fuzz reproducible serve test up

help:
	@cargo xtask --help

bench build checksum fuzz serve test up:
	@cargo xtask $@ $(ARGS)

reproducible:
	@cargo xtask build --check-reproducible
