"""Write the page on the command line from the commands themselves."""

import click

from toolkit.cli import main


def command_page() -> dict[str, str]:
    """Write the help of every command: path -> text."""
    context = click.Context(main, info_name="cramps")
    parts = [_INTRODUCTION]
    for name, command in sorted(main.commands.items()):
        with click.Context(command, info_name=name, parent=context, terminal_width=88, color=False) as own:
            parts.append(f"## `cramps {name}`\n\n```text\n{command.get_help(own)}\n```")
            for inner, part in sorted(getattr(command, "commands", {}).items()):
                with click.Context(part, info_name=inner, parent=own, terminal_width=88, color=False) as of:
                    parts.append(f"### `cramps {name} {inner}`\n\n```text\n{part.get_help(of)}\n```")
    return {"reference/command-line.md": "\n\n".join(parts) + "\n"}


_INTRODUCTION = """# Command line

After `source .venv/bin/activate`, the command `cramps` offers the most common tasks without Python."""
