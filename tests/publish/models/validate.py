"""Validates the YAML documents of the files that are named, each by the model of its kind.

A field that a model does not know is an error, too: what was read is written again and compared.
"""

import importlib
import sys

import yaml

MODELS = {
    ("v1", "ConfigMap"): "kubernetes.core.v1",
    ("v1", "Namespace"): "kubernetes.core.v1",
    ("v1", "Secret"): "kubernetes.core.v1",
    ("v1", "Service"): "kubernetes.core.v1",
    ("apps/v1", "Deployment"): "kubernetes.apps.v1",
    ("networking.k8s.io/v1", "NetworkPolicy"): "kubernetes.networking.v1",
    ("extensions.istio.io/v1alpha1", "WasmPlugin"): "istio.extensions.v1alpha1",
    ("networking.istio.io/v1alpha3", "EnvoyFilter"): "istio.networking.v1alpha3",
}


def lost(before, after, place):
    """Places of `before` that are not in `after`, or are different there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key not in after:
                yield f"{place}.{key}"
            else:
                yield from lost(value, after[key], f"{place}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after)):
            yield from lost(one, other, f"{place}[{index}]")
    elif before != after and str(before) != str(after):
        yield place


def faults(document):
    kind = document["kind"]
    module = MODELS.get((document["apiVersion"], kind))
    if module is None:
        return [f"there is no model of {document['apiVersion']} {kind}"]
    model = getattr(importlib.import_module(f"cloudcoil.models.{module}"), kind)
    try:
        read = model.model_validate(document)
    except ValueError as error:
        return [str(error)]
    again = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return [f"{place} is not known" for place in lost(document, again, kind)]


def main():
    found = []
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            for document in yaml.safe_load_all(file):
                found += [f"{name}: {fault}" for fault in faults(document)]
    print("\n".join(found))
    sys.exit(1 if found else 0)


main()
