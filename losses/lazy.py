"""Packages that import what they export when it is first asked for, so that a piece loads no more than it stands on."""

import ast
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.abc import InspectLoader
from types import ModuleType
from typing import cast


class LazyPackage(ModuleType):
    """A package of which each exported name is imported when it is first asked for."""

    __origins__: Mapping[str, str]

    def __getattr__(self, name: str) -> object:
        try:
            origin = self.__origins__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None
        self.__dict__[name] = value = getattr(import_module(origin), name)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # Python puts an imported file into its package, where the function of the same name belongs
        if not (isinstance(value, ModuleType) and name in self.__origins__):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__origins__})


def export_lazily(package: str) -> None:
    """Let a package import on demand what its ``__init__.py`` imports under ``if TYPE_CHECKING:``.

    Type checkers, import contracts and readers see plain imports, said once; ``from package import name``, ``getattr``,
    ``dir`` and ``import *`` work as if they had run.

    Args:
        package: Its ``__name__``.
    """
    module = sys.modules[package]
    source = cast("InspectLoader", module.__loader__).get_source(package) or ""
    module.__dict__["__origins__"] = {
        alias.name: str(statement.module)
        for block in ast.parse(source).body
        if isinstance(block, ast.If)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    module.__class__ = LazyPackage


def load(*packages: ModuleType) -> None:
    """Import all that packages export, for those who look for classes among the ones that are loaded."""
    for package in packages:
        for name in getattr(package, "__origins__", ()):
            getattr(package, name)
