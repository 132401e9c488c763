"""Secrets of a project, and texts that have them: in every spelling that a program may choose.

A leak is found by what no spelling changes: the letters and digits in the middle of a secret, or of what it is encoded as.
"""

from __future__ import annotations

import html
import json
import shlex
from base64 import b64encode, encodebytes, urlsafe_b64encode
from urllib.parse import quote, quote_plus, urlencode

import yaml

ODD = "a1'b\"c\\d/e?f#g@h i+j=k%lé€\U0001f511&<m>\tS01oddXmiddle:~!$n"
KEY = "-----BEGIN KEY-----\nS02keyLineOne+abcdefgh/ijkl\nS02keyLineTwo+mnopqrst/uvwx==\n-----END KEY-----\n"
LONG = "S03longBegin0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJS03longEnd"
NUMBER = 8273645591
VARIABLE, OF_VARIABLE = "PLANTED_API_TOKEN", "S04variable-aaaa"
PARAMETER = "S05parameter-aaaa"
LISTED = "S06listed-aaaa"

CREDENTIALS = {
    "odd": {"user": "reader", "host": "db.example.com", "port": 5432, "password": ODD},
    "key": {"private_key": KEY},
    "long": {"anything": LONG},
    "number": {"pin": NUMBER},
    "bare": "S10bare-aaaa",
    "list": ["S11listed-aaaa", {"deep": {"deeper": ["S12nested-aaaa"]}}],
    "address": {"con": "postgresql://me:S13@S13tail-aaaa@127.0.0.1:1/sales"},
    "encoded": {"con": "postgresql://me:S14%40%2FS14tail-aaaa@127.0.0.1:1/sales"},
    "slash": {"con": "postgresql://me:S15/S15tail-aaaa@127.0.0.1:1/sales"},
    "hook": {"webhook": "https://hooks.example.com/services/S16path-aaaa"},
    "pairs": {"dsn": "host=127.0.0.1 user=me password=S17dsn-aaaa"},
    "query": {"endpoint": "https://127.0.0.1/x?sig=S18signed-aaaa"},
    "json": {
        "keyfile": json.dumps(
            {"type": "service_account", "private_key_id": "S19json-aaaa", "client_email": "a@b.example"}
        )
    },
    "bytes": {"blob": b"S20bytes-aaaa"},
    "word": {"password": "sesame"},
}


def _secret_texts() -> dict[str, tuple[str, str]]:
    """Return texts with what no spelling of the secret in it changes."""
    found = {
        "password": (ODD, "S01oddXmiddle"),
        "key": (KEY, "S02keyLine"),
        "long": (LONG, "S03long"),
    }
    spellings = {
        "as it is": str,
        "repr": repr,
        "ascii": ascii,
        "repr twice": lambda secret: repr(repr(secret)),
        "in a dict": lambda secret: str({"x": [secret]}),
        "bytes": lambda secret: repr(secret.encode()),
        "JSON": json.dumps,
        "JSON as it is": lambda secret: json.dumps(secret, ensure_ascii=False),
        "JSON in JSON": lambda secret: json.dumps(json.dumps({"x": secret})),
        "YAML": lambda secret: yaml.safe_dump({"x": secret}, width=10_000),
        "percent": lambda secret: quote(secret, safe=""),
        "percent but slashes": quote,
        "percent and plus": quote_plus,
        "percent twice": lambda secret: quote(quote(secret, safe=""), safe=""),
        "small percent": lambda secret: "".join(
            c if c.isascii() and c.isalnum() else "".join(f"%{b:02x}" for b in c.encode()) for c in secret
        ),
        "form": lambda secret: urlencode({"x": secret}),
        "HTML": html.escape,
        "shell": shlex.quote,
        "SQL": lambda secret: secret.replace("'", "''"),
        "line by line": lambda secret: "\n".join(f"> {line}" for line in secret.splitlines()),
        "indented": lambda secret: secret.replace("\n", "\n    "),
        "in a log line": lambda secret: f"2026-01-01 INFO with {secret} and more",
    }
    texts = {
        f"{title}, {spelling}": (write(secret), core)
        for title, (secret, core) in found.items()
        for spelling, write in spellings.items()
    }
    for title, (secret, _) in found.items():
        data = secret.encode()
        encoded = {
            "base64": b64encode(data),
            "base64 for URLs": urlsafe_b64encode(data),
            "base64 in lines": encodebytes(data),
            "Basic": b64encode(b"me:" + data),
            "base64 of more": b64encode(b"{'x': '" + data + b"'}"),
            "base64 of one more": b64encode(b"x" + data),
            "hexadecimal": data.hex().encode(),
            "capital hexadecimal": data.hex().upper().encode(),
        }
        texts |= {f"{title}, {spelling}": (text.decode(), text.decode()[20:36]) for spelling, text in encoded.items()}
    return texts


TEXTS: dict[str, tuple[str, str]] = {
    **_secret_texts(),
    "long, its beginning": (f"value={LONG[:40]}...", "Begin0123"),
    "long, its end": (f"value=...{LONG[-30:]}", "S03longEnd"),
    "a number": (f"with {NUMBER}", str(NUMBER)),
    "a number as repr": (str({"pin": NUMBER}), str(NUMBER)),
    "a number as text": (str({"pin": str(NUMBER)}), str(NUMBER)),
    "a bare string": ("with S10bare-aaaa", "S10bare"),
    "an item of a list": ("with S11listed-aaaa", "S11listed"),
    "a nested value": ("with S12nested-aaaa", "S12nested"),
    "an address": (CREDENTIALS["address"]["con"], "S13tail"),
    "another address": ("postgresql://me:S13@S13tail-aaaa@127.0.0.1/other", "S13tail"),
    "its password": ("with S13@S13tail-aaaa", "S13tail"),
    "an encoded password": ("with S14@/S14tail-aaaa", "S14tail"),
    "an encoded password as it stands": ("with S14%40%2FS14tail-aaaa", "S14tail"),
    "a password with a slash": ("postgresql://me:S15/S15tail-aaaa@127.0.0.1/other", "S15tail"),
    "a webhook": (CREDENTIALS["hook"]["webhook"], "S16path"),
    "the path of a webhook": ("POST /services/S16path-aaaa failed", "S16path"),
    "a text of pairs": (CREDENTIALS["pairs"]["dsn"], "S17dsn"),
    "its value": ("with S17dsn-aaaa", "S17dsn"),
    "a signature": ("with S18signed-aaaa", "S18signed"),
    "a value in JSON": ("with S19json-aaaa", "S19json"),
    "bytes": ("with S20bytes-aaaa", "S20bytes"),
    "bytes as repr": (repr(b"S20bytes-aaaa"), "S20bytes"),
    "a word": ("with sesame, sesame\nsesame", "sesame"),
    "a variable": (f"with {OF_VARIABLE}", OF_VARIABLE),
    "a parameter": (f"with {PARAMETER}", PARAMETER),
    "a listed key": (f"with {LISTED}", LISTED),
    "an unknown password in an address": ("redis://:S21unknown@127.0.0.1/0", "S21unknown"),
    "an unknown password with @": ("redis://me:S21first@S21unknown@127.0.0.1/0", "S21unknown"),
    "an unknown token in an address": ("https://S22unknown@127.0.0.1/x", "S22unknown"),
    "an unknown token in a query": ("https://127.0.0.1/x?a=1&access_token=S23unknown", "S23unknown"),
    "an unknown pair": ("password=S24unknown", "S24unknown"),
    "an unknown pair with quotes": ("connect(db_password='a S24unknown')", "S24unknown"),
    "an unknown pair in a dict": (str({"client_secret": "S24unknown", "apiKey": "S24unknown2"}), "S24unknown"),
    "an unknown pair in JSON": (json.dumps({"token": "S24unknown"}), "S24unknown"),
    "an unknown header": ("Authorization: Bearer S25unknown", "S25unknown"),
    "an unknown header in a dict": (str({"Authorization": "Basic S25unknown"}), "S25unknown"),
    "an unknown bearer": ("curl -H 'bearer S25unknown-x'", "S25unknown"),
}
"""Texts by what they are, each with what may not be left of it."""

PLAIN = [
    "user reader on db.example.com:5432",
    "the latest sesames",
    "918273645591",
    "https://host:8080/path@version and mail me@host",
    "abfs://container@account.dfs.core.windows.net/x",
    "sort_key=name, primary_key='id', max_tokens=4096, tokenizer=None, password=None",
    "Bearer authentication is required",
    "KeyError: 'password'",
    "'token': expected a string, found a mapping.",
    "token and key and password",
]
"""Texts that have no secret."""


def leaks(text: str) -> dict[str, str]:
    """Return which planted texts have left something in a text, with what is around it."""
    found = {title: text.find(core) for title, (_, core) in TEXTS.items()}
    return {title: text[max(0, at - 80) : at + 60] for title, at in found.items() if at >= 0}
