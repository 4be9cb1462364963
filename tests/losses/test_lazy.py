import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import callbacks
import datamodules
import lightning_modules
import losses
from losses.lazy import LazyPackage

PACKAGE = """
from typing import TYPE_CHECKING
from losses.lazy import export_lazily

if TYPE_CHECKING:
    from orchard.apple import apple
    from orchard.pears import Pear

__all__ = ["LEAF", "Pear", "apple"]
LEAF = "green"

export_lazily(__name__)
"""


@pytest.fixture
def orchard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    folder = tmp_path / "orchard"
    folder.mkdir()
    (folder / "__init__.py").write_text(PACKAGE)
    (folder / "apple.py").write_text("def apple(): return 'apple'\n")
    (folder / "pears.py").write_text("class Pear: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("orchard")
    for name in [name for name in sys.modules if name.split(".")[0] == "orchard"]:
        del sys.modules[name]


def packages() -> list[str]:
    rooms = [callbacks, datamodules, lightning_modules, losses]
    found = [room.__name__ for room in rooms]
    for room in rooms:
        found += [module.name for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}.") if module.ispkg]
    return found


def test_what_is_exported_is_imported_when_it_is_first_asked_for(orchard: ModuleType) -> None:
    assert "orchard.pears" not in sys.modules
    pear = orchard.Pear
    assert sys.modules["orchard.pears"].Pear is pear
    assert vars(orchard)["Pear"] is pear  # asked for once


@pytest.mark.usefixtures("orchard")
def test_a_file_of_the_name_of_its_function_never_stands_in_its_place() -> None:
    importlib.import_module("orchard.apple")
    from orchard import apple  # type: ignore[import-not-found]  # written by the fixture

    assert apple() == "apple"
    assert sys.modules["orchard.apple"].apple is apple


def test_dir_and_star_know_everything_that_is_exported(orchard: ModuleType) -> None:
    assert {"LEAF", "Pear", "apple"} <= set(dir(orchard))
    names: dict[str, object] = {}
    exec("from orchard import *", names)  # noqa: S102  an import of everything is allowed at a module's level only
    assert {"LEAF", "Pear", "apple"} <= set(names)


def test_what_is_not_exported_is_an_attribute_error_as_of_any_module(orchard: ModuleType) -> None:
    with pytest.raises(AttributeError, match="module 'orchard' has no attribute 'Plum'"):
        orchard.Plum  # noqa: B018  the access is what is tested
    with pytest.raises(ImportError, match="cannot import name 'Plum'"):
        from orchard import Plum  # noqa: F401


@pytest.mark.parametrize("name", packages())
def test_packages_of_the_suite_export_what_they_import(name: str) -> None:
    package = importlib.import_module(name)
    exported: set[str] = set(getattr(package, "__all__", []))
    if isinstance(package, LazyPackage):
        assert set(package.__origins__) <= exported
    assert all(hasattr(package, name) for name in exported)
