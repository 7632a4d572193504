"""What the program may say when something is wrong, read from where it is raised."""

import ast
import inspect
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

from harness import errors, kube_errors
from harness.clusters.embedded import hints
from scripts.site.matrix import plain, table

HARNESS = pathlib.Path(errors.__file__).parent
LEAST = 12
"""Messages that are shorter, but for what they quote, say nothing by themselves."""

KINDS = {name for name, one in vars(errors).items() if inspect.isclass(one)} | {"SpecError"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `text` has … in place of what differs."""

    kind: str
    text: str
    module: str


def messages(package: pathlib.Path = HARNESS) -> list[Message]:
    """All messages of our own errors."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        module = ".".join(file.relative_to(package.parent).with_suffix("").parts)
        for kind, text in _raised(ast.parse(file.read_text())):
            if len(text.replace("…", "").strip()) > LEAST:
                found[text] = Message(kind, text, module)
    return sorted(found.values(), key=lambda one: (one.module, one.text))


def _raised(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            name = ast.unparse(node.exc.func).split(".")[-1]
            if name in KINDS and (text := template(node.exc.args[0])):
                yield name, text


def template(node: ast.AST) -> str:
    """A text of the code with … where a value is put in; empty for what is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) or "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (template(node.left) or "…") + (template(node.right) or "…")
    return ""


def all_messages() -> str:
    """Every message, with the kind of its error."""
    parts = []
    docs = {
        name: (getattr(errors, name, None).__doc__ or "").split("\n\n")[0] for name in sorted(KINDS - {"SpecError"})
    }
    for kind in sorted(KINDS):
        own = [one for one in messages() if one.kind == kind]
        if own:
            about = docs.get(kind, "A `*.survive.yaml` that says what it cannot.")
            body = ((plain(one.text), f"`{one.module}`") for one in own)
            parts.append(f"### {kind}\n\n{plain(about)}\n\n{table(('message', 'from'), body)}")
    return "\n".join(parts)


def rules() -> str:
    """What the API server may refuse, and what to do."""
    told = {str(code): what for code, what in kube_errors._HINTS.items()} | kube_errors._RULES  # noqa: SLF001 - its table
    return table(
        ("the API server says", "what to do"), ((f"`{says.strip()}`", plain(todo)) for says, todo in told.items())
    )


def builds() -> str:
    """What may break a first build, and what to do."""
    first = ((pattern.split("|")[0].replace("\\", ""), todo) for pattern, todo in hints.HINTS)
    return table(("the build says, for instance", "what to do"), ((f"`{says}`", plain(todo)) for says, todo in first))
