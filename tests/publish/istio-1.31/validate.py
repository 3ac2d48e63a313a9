"""Validates the Wasm resources among the YAML documents of the files that are named, by the models of Istio 1.31.

The models stand in one file of the package. What it imports of the package's base, which wants Python 3.14, are
builders that nobody needs here, and the classes that all models are derived from: those are pydantic's own.
"""

import importlib.util
import pathlib
import sys
import types
import typing

import pydantic
import typing_extensions
import yaml


class Builder:
    """Stands in for everything that builds."""

    def __class_getitem__(cls, _):
        return cls


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", populate_by_name=True)


class ObjectMeta(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    name: str
    namespace: str | None = None
    Builder: typing.ClassVar = Builder
    BuilderContext: typing.ClassVar = Builder


class Resource(Model):
    api_version: str = pydantic.Field(alias="apiVersion")
    kind: str
    metadata: ObjectMeta


def stand_in(name, **names):
    module = types.ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module


def models():
    places = (pathlib.Path(folder, "cloudcoil/models/istio/extensions/v1alpha1.py") for folder in sys.path)
    path = next(place for place in places if place.is_file())
    builders = ["BaseBuilder", "BaseModelBuilder", "BuilderContextBase", "GenericListBuilder", "ListBuilderContext"]
    types_of_typing = {"Never": typing_extensions.Never, "Self": typing_extensions.Self}
    stand_in("cloudcoil")
    stand_in("cloudcoil.apimachinery", ObjectMeta=ObjectMeta)
    stand_in("cloudcoil.resources", Resource=Resource)
    stand_in(
        "cloudcoil.pydantic", BaseModel=Model, UNSET=None, **dict.fromkeys(builders, Builder), **types_of_typing
    )
    spec = importlib.util.spec_from_file_location("models", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["models"] = module
    spec.loader.exec_module(module)
    return module


def main():
    known, validated, found = models(), 0, []
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            for document in yaml.safe_load_all(file):
                if document["apiVersion"] != "extensions.istio.io/v1alpha1":
                    continue
                validated += 1
                try:
                    getattr(known, document["kind"]).model_validate(document)
                except ValueError as error:
                    found.append(f"{name}: {error}")
    if validated == 0:
        found.append("no resource was found")
    print("\n".join(found))
    sys.exit(1 if found else 0)


main()
