"""Fails unless every file is a bill of materials that CycloneDX' own validator takes."""

import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

validator = JsonStrictValidator(SchemaVersion.V1_5)
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        if error := validator.validate_str(file.read()):
            sys.exit(f"{path}: {error}")
