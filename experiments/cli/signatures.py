"""What classes and functions take, read from their source: nothing is imported for it, so it costs milliseconds."""

import ast
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

TRAINER = "pytorch_lightning.trainer.trainer.Trainer"
READ = ("callbacks", "datamodules", "experiments", "lightning_modules", "losses", "pytorch_lightning")
"""Packages whose sources are read; what others' classes take is the parser's business."""

Parameters = Mapping[str, str]
"""Name → path of the class that it is annotated with, or empty where it is not annotated with one."""
Definition = ast.ClassDef | ast.FunctionDef


@cache
def parameters(path: str) -> Parameters | None:
    """Return what a class or function takes, parents' settings included that it passes on.

    Args:
        path: As in a configuration's ``class_path``.

    Returns:
        Its parameters; ``None`` where the source alone does not say them.

    Example:
        >>> list(parameters("losses.BatchTripletLoss"))
        ['margin', 'beta']
        >>> parameters("torch.nn.Linear")
    """
    module, found = _definition(path)
    if not isinstance(found, ast.ClassDef):
        return None if found is None else _taken_by(found, module)
    if _is_record(found):
        fields_of = [part for part in found.body if isinstance(part, ast.AnnAssign)]
        return None if found.bases else {ast.unparse(part.target): _path(part.annotation, module) for part in fields_of}
    init = next((part for part in found.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"), None)
    own = _taken_by(init, module) if init else {}
    if own is None or (init and init.args.kwarg is None):
        return own
    inherited = [parameters(_path(base, module)) for base in found.bases]
    return {**own, **inherited[0]} if len(inherited) == 1 and inherited[0] is not None else None


def fields(path: str, name: str) -> list[str]:
    """Return the fields of a class's setting that is a dataclass, which a configuration gives without a ``class_path``.

    Example:
        >>> fields("datamodules.FaceDataModule", "split")[:2], fields("datamodules.FaceDataModule", "seed")
        (['min_images', 'num_unseen'], [])
    """
    record = (parameters(path) or {}).get(name, "")
    return list(parameters(record) or ()) if _is_record(_definition(record)[1]) else []


def _is_record(found: Definition | None) -> bool:
    return isinstance(found, ast.ClassDef) and any("dataclass" in ast.unparse(part) for part in found.decorator_list)


@cache
def _names(module: str) -> Mapping[str, Definition | str]:
    """Return what a module defines, and by its path what it imports."""
    top, *rest = module.split(".")
    spec = find_spec(top) if top in READ else None
    places = [Path(folder).joinpath(*rest) for folder in (spec and spec.submodule_search_locations) or ()]
    files = [file for place in places for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()]
    tree = ast.parse(files[0].read_text("utf-8") if files else "")
    imports = [part for part in ast.walk(tree) if isinstance(part, ast.ImportFrom)]
    found = {name.asname or name.name: f"{part.module}.{name.name}" for part in imports for name in part.names}
    return {**found, **{part.name: part for part in tree.body if isinstance(part, Definition)}}


def _definition(path: str) -> tuple[str, Definition | None]:
    """Return a class or function and its module, through packages that hand on what others export."""
    for _ in READ:
        module, _, name = path.rpartition(".")
        found = _names(module).get(name)
        if not isinstance(found, str):
            return module, found
        path = found
    return "", None


def _taken_by(function: ast.FunctionDef, module: str) -> dict[str, str] | None:
    given = function.args
    names = [argument for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs) if argument.arg != "self"]
    return {one.arg: _path(one.annotation, module) for one in names} if given.vararg is None else None


def _path(annotation: ast.expr | None, module: str) -> str:
    """Return the path of a class that an expression names, or nothing."""
    if not isinstance(annotation, ast.Name):
        return ""
    found = _names(module).get(annotation.id)
    return found if isinstance(found, str) else f"{module}.{annotation.id}"
