"""A matrix in a document, a block of its own: its name, the columns' numbers, and a line for each operation that is first."""

import re


def draw(name, cells):
    lines, columns = (list(dict.fromkeys(pair[side] for pair in cells)) for side in (0, 1))
    width = max(max(map(len, cells.values())), 2)
    names = list(dict.fromkeys([*lines, *columns]))
    numbers = {name: number for number, name in enumerate(names, 1)}
    text = [name, " " * 14 + " ".join(f"{numbers[c]:>{width}}" for c in columns)]
    for line in names:
        cell = (cells.get((line, c), "") for c in columns)
        text.append((f"{numbers[line]:>2} {line:10} " + " ".join(f"{c:>{width}}" for c in cell)).rstrip())
    return "\n".join(text) + "\n"


class Document:
    def __init__(self, path):
        self.path = path
        self.load()

    def load(self):
        with open(self.path) as file:
            self.text = file.read()

    def block(self, name):
        return re.search(r"(?<=```\n)" + re.escape(name) + r"\n(.*?)(?=```)", self.text, re.DOTALL)

    def read(self, name):
        """(the block's text, its cells); nothing where there is none."""
        block = self.block(name)
        if not block:
            return None, {}
        header, *lines = block[1].splitlines()
        cells, names = {}, {line[:2]: line[3:13].rstrip() for line in lines}
        places = [(m.end(), names[m[0].rjust(2)]) for m in re.finditer(r"\d+", header)]
        for line in lines:
            for end, column in places:
                cell = line[:end].rsplit(" ", 1)[-1] if len(line) >= end > 13 else ""
                if cell:
                    cells[line[3:13].rstrip(), column] = cell
        return block[0], cells

    def write(self, name, text):
        self.load()
        block = self.block(name)
        if block:
            self.text = self.text[:block.start()] + text + self.text[block.end():]
        else:
            self.text += f"\n```\n{text}```\n"
        with open(self.path, "w") as file:
            file.write(self.text)
