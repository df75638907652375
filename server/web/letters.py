"""What stands in letters. Nothing that a stranger has typed is in them, but for the address they go to."""

from __future__ import annotations

from integrations.mail import Letter

_FOOT = (
    "\n\nIf that was not you, do nothing: nothing happens without this link, and it ends by itself."
    "\n\nHubbub at {url}\n"
)


def register(to: str, url: str, code: str) -> Letter:
    """An address asks for an account."""
    return Letter(
        to,
        "Your account at Hubbub",
        "Somebody, probably you, wants an account with this address.\n\n"
        "To make it, open this link within 24 hours, and choose a name and a password there:\n\n"
        f"{url}/login#register={code}" + _FOOT.format(url=url),
    )


def reset(to: str, url: str, code: str) -> Letter:
    """Somebody has forgotten a password."""
    return Letter(
        to,
        "A new password for Hubbub",
        "Somebody, probably you, wants to choose a new password.\n\n"
        "To do so, open this link within an hour. It ends all other sign-ins:\n\n"
        f"{url}/login#reset={code}" + _FOOT.format(url=url),
    )


def there_already(to: str, url: str, code: str) -> Letter:
    """An address asks for an account, and has one."""
    return Letter(
        to,
        "You have an account at Hubbub",
        "Somebody, probably you, wants an account with this address. There is one already.\n\n"
        f"To sign in, go to {url}/login. To choose a new password, open this link within an hour:\n\n"
        f"{url}/login#reset={code}" + _FOOT.format(url=url),
    )


def confirm(to: str, url: str, code: str) -> Letter:
    """An account takes an address."""
    return Letter(
        to,
        "Your address at Hubbub",
        "Somebody, probably you, wants to use this address for an account.\n\n"
        "To confirm it, open this link within 24 hours, in the browser in which you are signed in:\n\n"
        f"{url}/login#confirm={code}" + _FOOT.format(url=url),
    )


def password_changed(to: str, url: str) -> Letter:
    """Told after the fact, to the address that the account had before."""
    return Letter(
        to,
        "Your password for Hubbub was changed",
        "The password of your account was changed just now, and all other sign-ins were ended.\n\n"
        f"If that was not you, choose another one at once at {url}/login, with “I forgot my password”.\n",
    )
