"""The forms of names and digests, and how to say them to people."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

ID: Final = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
COUNTRY: Final = r"^[A-Z]{2}$"
IMAGE_HOST: Final = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?$"
BACKEND_URL: Final = r"^[a-z][a-z0-9+.-]*://[^\s%#@\\]+$"
KEY_PREFIX: Final = r"^[A-Za-z0-9][A-Za-z0-9:/._-]{0,500}/$"
HOST_ADDRESS: Final = r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f]{1,4}(:[0-9a-f]{0,4}){2,7})$"
HOST_KEY: Final = r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,2}$"
SHA256: Final = r"^[0-9a-f]{64}$"
IMAGE_DIGEST: Final = r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"
CLOUD_NAME: Final = r"^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,61}[A-Za-z0-9])?$"
HTTPS_URL: Final = r"^https://[^\s/]+(/\S*[^\s/])?$"
SENSITIVE_TEXT: Final = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY|AGE-SECRET-KEY-1|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|(?i:(?:passw(?:or)?d|passwd|secret|token|api[_-]?key)\w*\b[\"']?\s*[:=]\s*[\"']?[^\s\"'#]{4,})"
)
"""Text that looks like a secret, wherever in it: keys by how they begin, and words that are given a value."""
RULE: Final = r"^[A-Z]{3}-\d{3}$"
SLUG: Final = r"^[a-z][a-z0-9_]*$"
WORKLOAD_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$"
CPU: Final = r"^\d+(m|\.\d+)?$"
MEMORY: Final = r"^(0\.\d+|[1-9]\d*(\.\d+)?)(K|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
HEADER: Final = r"^[A-Za-z0-9_-]+$"
FILE_MODE: Final = r"^0?[0-7]{3}$"
URL_PATH: Final = r"^/[A-Za-z0-9._~/%-]*$"

IN_WORDS: Final = MappingProxyType(
    {
        ID: "up to 63 lowercase letters, digits and dashes, no dash at either end",
        COUNTRY: "a country code of two capital letters, like PK",
        IMAGE_HOST: "the host of an image's name, in small letters, with its port if it has one",
        BACKEND_URL: "a URL like s3://bucket or file:///folder, without password, escapes or fragment",
        KEY_PREFIX: "how all names of its keys begin, with a slash at the end, like arn:aws:kms:REGION:ACCOUNT:key/",
        HOST_ADDRESS: "a host's name or IP address, in small letters, without a port",
        HOST_KEY: "a host's public key without its comment, as `ssh-keyscan` shows it: ssh-ed25519 AAAA…",
        SHA256: "a sha256 digest: 64 lowercase hexadecimal digits",
        IMAGE_DIGEST: "a digest like sha512:… or sha256:…, in lowercase hexadecimal, as Glance keeps it",
        CLOUD_NAME: "up to 63 letters, digits, spaces, dots, dashes and underscores, a letter or digit at both ends",
        HTTPS_URL: "an address that starts with https:// and does not end in a slash",
        RULE: "a rule id like ACC-001",
        SLUG: "a module name: lowercase letters, digits and underscores",
        WORKLOAD_NAME: "two to 63 lowercase letters, digits and dashes, no dash at either end",
        CPU: "an amount of CPU like 250m, 0.5 or 2",
        MEMORY: "an amount of memory like 256Mi or 1G",
        HEADER: "the name of a header: letters, digits, dashes and underscores",
        FILE_MODE: "the mode of a file in octal, like 0644",
        URL_PATH: "a path that starts with a slash and has no spaces or placeholders",
    }
)
