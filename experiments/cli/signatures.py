"""What classes and functions take, read from their source: nothing is imported for it, so it costs milliseconds."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

TRAINER = "pytorch_lightning.trainer.trainer.Trainer"
READ = ("callbacks", "datamodules", "experiments", "lightning_modules", "losses", "pytorch_lightning")
"""Packages whose sources are read; what others' classes take is the parser's business."""

Parameters = Mapping[str, str]
"""Name → path of the class that it is annotated with, or empty where it is not annotated with one."""


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
    found = _definition(path)
    if found is None:
        return None
    module, definition = found
    if isinstance(definition, ast.FunctionDef):
        return _taken_by(definition, module)
    if any("dataclass" in ast.unparse(decorator) for decorator in definition.decorator_list):
        return None if definition.bases else _fields(definition, module)
    inits = [part for part in definition.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
    own = _taken_by(inits[0], module) if inits else {}
    passes_on = not inits or inits[0].args.kwarg is not None
    if own is None or not passes_on:
        return own
    inherited = [parameters(_full(base, module)) for base in definition.bases]
    known = [names for names in inherited if names is not None]
    return {**own, **known[0]} if len(known) == len(inherited) == 1 else None


def fields(path: str, name: str) -> list[str]:
    """Return the fields of a setting that is a dataclass, which a configuration gives without a ``class_path``.

    Args:
        path: Of the class that has the setting.
        name: Of the setting.

    Example:
        >>> fields("datamodules.FaceDataModule", "split")[:2], fields("datamodules.FaceDataModule", "seed")
        (['min_images', 'num_unseen'], [])
    """
    record = (parameters(path) or {}).get(name, "")
    found = _definition(record) if record else None
    is_record = found is not None and any("dataclass" in ast.unparse(part) for part in found[1].decorator_list)
    return list(parameters(record) or ()) if is_record else []


class _Module:
    """A parsed file.

    Args:
        name: Of its module.
        tree: Its source.
    """

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.defined = {part.name: part for part in tree.body if isinstance(part, ast.ClassDef | ast.FunctionDef)}
        self.name = name
        self.imported = {
            alias.asname or alias.name: f"{part.module}.{alias.name}"
            for part in ast.walk(tree)
            if isinstance(part, ast.ImportFrom)
            for alias in part.names
        }


@cache
def _module(name: str) -> _Module | None:
    top, *rest = name.split(".")
    spec = find_spec(top) if top in READ else None
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        place = Path(folder).joinpath(*rest)
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                return _Module(name, ast.parse(file.read_text("utf-8")))
    return None


def _definition(path: str) -> tuple[_Module, ast.ClassDef | ast.FunctionDef] | None:
    """Return a class or function and its file, through packages that export it."""
    for _ in range(len(READ)):  # packages that hand on what others export
        name, _, what = path.rpartition(".")
        module = _module(name) if name else None
        if module is None:
            return None
        if what in module.defined:
            return module, module.defined[what]
        path = module.imported.get(what, "")
    return None


def _taken_by(function: ast.FunctionDef, module: _Module) -> dict[str, str] | None:
    given = function.args
    names = [argument for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs) if argument.arg != "self"]
    taken = {argument.arg: _full(argument.annotation, module) for argument in names}
    return taken if given.vararg is None else None


def _fields(record: ast.ClassDef, module: _Module) -> dict[str, str]:
    return {
        part.target.id: _full(part.annotation, module)
        for part in _annotated(record)
        if isinstance(part.target, ast.Name)
    }


def _annotated(record: ast.ClassDef) -> Iterator[ast.AnnAssign]:
    return (part for part in record.body if isinstance(part, ast.AnnAssign))


def _full(annotation: ast.expr | None, module: _Module) -> str:
    """Return the path of a class that an expression names, or nothing."""
    if not isinstance(annotation, ast.Name):
        return ""
    return module.imported.get(annotation.id, f"{module.name}.{annotation.id}")
