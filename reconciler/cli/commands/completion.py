"""`sorafile completion`."""

import click

from reconciler.cli.completing import SHELLS, script
from reconciler.cli.options import global_options, options


@click.command(
    "completion",
    epilog="\b\nExamples:\n"
    "  echo 'eval \"$(sorafile completion bash)\"' >> ~/.bashrc\n"
    "  echo 'eval \"$(sorafile completion zsh)\"' >> ~/.zshrc\n"
    "  sorafile completion fish > ~/.config/fish/completions/sorafile.fish\n\n"
    "In ~/.zshrc it belongs behind the line that calls compinit.",
)
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS))
@global_options(hidden=True)
def command(shell: str) -> int:
    """Print what makes a shell complete commands, addresses, tags and the like.

    SHELL is bash (4.4 or newer), zsh or fish. Nothing is asked over the network.
    """
    root = click.get_current_context().find_root().command
    options().terminal.out.file.write(script(shell, root))
    return 0
