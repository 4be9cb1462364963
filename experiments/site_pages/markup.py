"""Docstrings from reStructuredText's roles and directives to Markdown, with formulas in MathML."""

import re

ROLE = re.compile(r":(?:class|data|func|meth|mod|attr):`(~?)([^`]+)`")
MATH = re.compile(r":math:`([^`]+)`")
BLOCK = re.compile(r"^( *)\.\. (math|code-block):: *(\w*)\n((?:\1 +\S.*\n?|\s*\n)+)", re.M)
EXAMPLE = re.compile(r"^Example:$", re.M)


def markdown(text: str) -> str:
    """Return a docstring as Markdown whose sections are of Google's style.

    Args:
        text: Of a docstring, without its margin.

    Example:
        >>> markdown("Average as :func:`~losses.mining.mine_triplets` does, ``(B, D)``.")
        'Average as `mine_triplets` does, `(B, D)`.'
    """
    text = BLOCK.sub(_block, text + "\n").rstrip("\n")
    text = MATH.sub(lambda found: _formula(found[1]), text)
    text = ROLE.sub(lambda found: f"`{found[2].rpartition('.')[2] if found[1] else found[2].lstrip('.')}`", text)
    return EXAMPLE.sub("Examples:", text).replace("``", "`")


def _block(found: re.Match[str]) -> str:
    margin, kind, language, body = found.groups()
    lines = body.strip("\n").splitlines()
    inner = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    inside = [line[inner:] for line in lines]
    if kind == "math":
        return f"\n{margin}{_formula(' '.join(inside), display='block')}\n\n"
    shown = "\n".join(f"{margin}{line}".rstrip() for line in inside)
    return f"\n{margin}~~~{language}\n{shown}\n{margin}~~~\n\n"


def _formula(tex: str, display: str = "inline") -> str:
    """Return a formula as MathML, within what Markdown takes for words of a line."""
    from latex2mathml.converter import convert  # noqa: PLC0415  there where the site is built

    return f"<span>{convert(tex, display=display)}</span>"
