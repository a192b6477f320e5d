"""The rooms depend on each other in one direction only, in Python and in C++, and every public name is documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import convscope

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "python" / "convscope"
SOURCES = REPOSITORY / "csrc"

# Low to high. A room may import lower rooms only.
ORDER = (
    "_core",
    "_folders",
    "_libraries",
    "data",
    "latents",
    "acoustics",
    "stats",
    "models",
    "zoo",
    "probe",
    "sweep",
    "profiles",
    "train",
    "plot",
    "protocols",
    "bench",
    "cli",
)
STANDS_ALONE = (
    "data",
    "latents",
    "stats",
    "models",
)  # a description needs no engine, the others no torch either
ROOMS = [
    room
    for room in ORDER
    if room == "_core" or (PACKAGE / room).exists() or (PACKAGE / f"{room}.py").exists()
]


def room_of(module: str) -> str | None:
    """``convscope.probe._plan`` -> ``probe``; None for what is not ours, or the package itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "convscope" and len(parts) > 1 else None


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """(module, line, only for typing) of every import anywhere in a file, relative ones made absolute."""
    package = ["convscope", *path.relative_to(PACKAGE).parent.parts]
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.unparse(test.test)
        for node in ast.walk(test)
    }
    for node in ast.walk(tree):
        hidden = id(node) in typing_only
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, hidden
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module, node.lineno, hidden
            if module == "convscope":
                for alias in node.names:
                    yield f"convscope.{alias.name}", node.lineno, hidden


def python_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_there_is_something_to_walk():
    assert {"data", "models", "probe"} <= set(ROOMS)
    assert len(python_files()) > 20
    edges = {
        (path.relative_to(PACKAGE).parts[0], room_of(module))
        for path in python_files()
        for module, *_ in imports(path)
    }
    assert ("probe", "models") in edges
    assert ("probe", "_core") in edges


@pytest.mark.parametrize(
    "path", [p for p in python_files() if p.parent != PACKAGE], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_no_import_goes_up(path):
    own = path.relative_to(PACKAGE).parts[0]
    assert own in ORDER, f"{own} has no place in the order {ORDER}"
    for module, line, _ in imports(path):
        room = room_of(module)
        if module == "convscope" or room is None or room == own or room.startswith("__"):
            continue
        assert room in ORDER, f"{path}:{line} imports {module}, a room without a place in the order"
        assert ORDER.index(room) < ORDER.index(own), f"{path}:{line} imports {module}, which lies above {own}"
        assert own not in STANDS_ALONE or room in ("_folders", "_libraries"), (
            f"{path}:{line} imports {module}, but {own} stands alone"
        )


@pytest.mark.parametrize("room", ["data", "acoustics"])
def test_rooms_of_sounds_need_no_torch(room):
    for path in (PACKAGE / room).rglob("*.py"):
        assert not [module for module, *_ in imports(path) if module.split(".")[0] == "torch"], path


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_private_modules_of_another_room_are_not_imported(path):
    """A room speaks for itself through its __init__; the one exception is named."""
    own = path.relative_to(PACKAGE).parts[0]
    allowed = {("probe", "models")}  # weights are read from the torch modules' own classes
    for module, line, _ in imports(path):
        room = room_of(module)
        private = [part for part in module.split(".")[2:] if part.startswith("_")]
        if private and room != own and (own, room) not in allowed:
            raise AssertionError(f"{path}:{line} imports the private {module}")


# -- C++ ----------------------------------------------------------------------------------------------------------------


def includes(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s+([<"][^>"]+[>"])', path.read_text(), re.MULTILINE)


def headers_reached_from(path: Path) -> dict[str, str]:
    """Every include of a source and of our headers below it, with the file that has it."""
    found: dict[str, str] = {}
    stack = [path]
    seen = set()
    while stack:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        for name in includes(current):
            found.setdefault(name, str(current.relative_to(REPOSITORY)))
            own = SOURCES / name.strip('"')
            if name.startswith('"') and own.exists():
                stack.append(own)
    return found


# Types, macros and intrinsics. <string> and <vector> define inline functions of a shared namespace: those that
# csrc/core's plain headers bring in are declared here, and must not be *used* by a kernel source.
HARMLESS = {"<cstddef>", "<cstdint>", "<immintrin.h>", "<arm_neon.h>", "<limits>"}
DECLARED_BY_CORE = {"<string>", "<vector>"}


def kernel_sources() -> list[Path]:
    """Compiled once per instruction set: whatever CMake names in convscope_add_isa."""
    text = (REPOSITORY / "CMakeLists.txt").read_text()
    lists = dict(re.findall(r"set\((\w+)((?: csrc/cpu/[\w/]+\.cpp)+)\)", text))
    names = {
        name
        for source_list in re.findall(r"convscope_add_isa\(\w+ (\w+)", text)
        for name in lists[source_list].split()
    }
    return [REPOSITORY / name for name in sorted(names)]


def compiled_per_instruction_set() -> list[Path]:
    """Those, and the headers that hold code of theirs."""
    headers = [
        *(SOURCES / "cpu" / "simd").glob("*.h"),
        SOURCES / "cpu" / "tile.h",
        SOURCES / "cpu" / "transforms.h",
    ]
    return [*kernel_sources(), *headers]


def test_kernel_sources_include_nothing_that_defines_shared_inline_functions():
    """The linker keeps one copy of an inline function, and it might be the AVX-512 one (csrc/cpu/simd/vec.h)."""
    sources = kernel_sources()
    assert sources
    for source in sources:
        for name, where in headers_reached_from(source).items():
            if name.startswith('"'):
                continue
            if name in DECLARED_BY_CORE:
                assert where.startswith("csrc/core/"), f"{where} includes {name}"
                continue
            assert name in HARMLESS, f"{where}, reached from {source.name}, includes {name}"


def test_kernel_sources_use_nothing_of_the_standard_library():
    """Beyond the names of types, calls of std:: would be emitted with this instruction set and shared."""
    for source in compiled_per_instruction_set():
        code = re.sub(r"//.*", "", source.read_text())
        used = set(re.findall(r"std::(\w+)", code)) - {
            "int32_t",
            "uint32_t",
            "int64_t",
            "size_t",
            "ptrdiff_t",
        }
        assert not used, f"{source} uses std::{', std::'.join(sorted(used))}"


def cpp_files(folder: str) -> list[Path]:
    return sorted(
        path for suffix in ("*.h", "*.cpp", "*.cu", "*.cuh") for path in (SOURCES / folder).rglob(suffix)
    )


# bindings -> core -> cpu: the core plans and calls kernels through one plain table, cpu/kernels.h
# bindings -> cuda: a backend beside the cpu's, which takes the core's layers and nothing of its engine
MAY_INCLUDE = {"bindings": {"core", "cuda", "bindings"}, "core": {"core"}, "cpu": {"cpu"}, "cuda": {"cuda"}}
CONTRACTS = {
    "core": {"cpu/kernels.h"},
    "cpu": {"core/ops/conv_block.h", "core/isa.h", "core/error.h"},
    "cuda": {"core/ops/conv_block.h", "core/layer.h", "core/error.h"},
}


@pytest.mark.parametrize("folder", MAY_INCLUDE)
def test_cpp_directions(folder):
    files = cpp_files(folder)
    assert files
    for path in files:
        for name in includes(path):
            target = name.strip('"')
            if name.startswith("<") or target in CONTRACTS.get(folder, set()):
                continue
            assert (SOURCES / target).exists(), (
                f"{path} includes {name} by a path that does not start at csrc"
            )
            assert target.split("/")[0] in MAY_INCLUDE[folder], f"{path} includes {target}"


def test_every_instruction_set_has_a_namespace_of_its_own():
    for path in compiled_per_instruction_set():
        code = path.read_text()
        if path.name != "vec.h":
            assert "namespace convscope::CONVSCOPE_ISA {" in code, path
            assert not re.search(r"namespace convscope \{", code), path


# -- documentation ------------------------------------------------------------------------------------------------------


def public_modules() -> list[str]:
    return [
        "convscope",
        *(f"convscope.{room}" for room in ROOMS if room != "_core" and room in convscope.__dir__()),
    ]


@pytest.mark.parametrize("module_name", public_modules())
def test_every_public_name_exists_and_is_documented(module_name):
    module = importlib.import_module(module_name)
    assert inspect.getdoc(module)
    assert len(set(module.__all__)) == len(module.__all__) > 0
    for name in module.__all__:
        value = getattr(module, name)
        if not (inspect.ismodule(value) or inspect.isclass(value) or inspect.isfunction(value)):
            continue  # constants and type aliases have no docstring of their own
        document = inspect.getdoc(value)
        assert document, f"{module_name}.{name}"
        assert not document.startswith(f"{name}("), (
            f"{module_name}.{name} has only the docstring that dataclass made"
        )
        if inspect.isclass(value):
            for method, function in vars(value).items():
                if method.startswith("_") or not inspect.isfunction(function):
                    continue
                inherited = any(hasattr(base, method) for base in value.__mro__[1:])
                assert inherited or inspect.getdoc(function), f"{module_name}.{name}.{method}"


def test_importing_the_package_does_not_import_torch():
    """Reading a sound needs no torch, which takes seconds to import."""
    root = str(Path(convscope.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {root!r}); import convscope, convscope.data; raise SystemExit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
