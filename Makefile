# Short names for what `cargo xtask --help` explains. Nothing happens here.
.PHONY: build checksum help reproducible serve test up

help:
	@cargo xtask --help

build checksum serve test up:
	@cargo xtask $@ $(ARGS)

reproducible:
	@cargo xtask build --check-reproducible
