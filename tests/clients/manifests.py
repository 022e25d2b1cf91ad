# mypy: ignore-errors
"""Checks deploy/'s YAML against the published schemas, and prints it as JSON for the tests.

Runs in the Python of `.ci/clients` that has kubernetes-validate (which brings jsonschema and
PyYAML): `manifests.py kubernetes VERSION FILE` or `manifests.py compose SCHEMA FILE`.
"""

import json
import sys

import jsonschema
import kubernetes_validate
import yaml

kind, against, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    documents = [document for document in yaml.safe_load_all(file) if document is not None]
for document in documents:
    if kind == "kubernetes":
        kubernetes_validate.validate(document, against, strict=True)
    else:
        with open(against, encoding="utf-8") as schema:
            jsonschema.validate(document, json.load(schema))
print(json.dumps(documents))
