# SPDX-License-Identifier: Apache-2.0
"""Issuers of tokens: keys made by the cryptography package, tokens by PyJWT, openssl or by hand."""

import base64
import json
import subprocess

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .client import Client
from .policies import SERVICE
from .wait import wait_for

FAR = 4102444800  # 2100-01-01
REFUSED = {"detail": "Invalid or missing JWT token", "code": "unauthenticated"}
ASYMMETRIC = ("ES256", "EdDSA", "RS256")


def b64(data):
    """base64url without padding; anything but bytes as compact JSON."""
    raw = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value, size=None):
    """A number as base64url of its big-endian bytes, as in a JSON Web Key."""
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Issuer:
    """A private key of one algorithm, and the file of its public half."""

    def __init__(self, algorithm, directory, name=None, private_key=None):
        self.algorithm = algorithm
        self.name = name or algorithm.lower()
        self.private_key = private_key or _generate(algorithm)
        self.public_key = self.private_key.public_key()
        self.public_pem = self.public_key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.file = write_key(directory / f"{self.name}.pub", self.public_pem)

    def table(self, **settings):
        """The [[key]] of the configuration."""
        return key_table(file=self.file, algorithm=self.algorithm, **settings)

    def token(self, claims=None, headers=None, **more):
        """By PyJWT."""
        claims = {"service": SERVICE, "exp": FAR, **(claims or {}), **more}
        return jwt.encode(claims, self.private_key, algorithm=self.algorithm, headers=headers)

    def sign(self, message):
        """The signature's bytes as tokens have them."""
        if self.algorithm == "ES256":
            r, s = decode_dss_signature(self.private_key.sign(message, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if self.algorithm == "RS256":
            return self.private_key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self.private_key.sign(message)

    def craft(self, header=None, claims=None, signature=None):
        """A token of any header and claims; `signature` is bytes or makes them from the message."""
        header = {"alg": self.algorithm} if header is None else header
        text = f"{b64(header)}.{b64(good_claims() if claims is None else claims)}"
        made = self.sign if signature is None else signature
        return f"{text}.{b64(made(text.encode()) if callable(made) else made)}"

    def jwk(self, **members):
        numbers = self.public_key.public_numbers() if self.algorithm != "EdDSA" else None
        if self.algorithm == "ES256":
            own = {"kty": "EC", "crv": "P-256", "x": number(numbers.x, 32), "y": number(numbers.y, 32)}
        elif self.algorithm == "RS256":
            own = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        else:
            raw = self.public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            own = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
        return {**own, "kid": self.name, **members}

    def private_file(self, directory):
        """The private key as PEM, as docker-control and openssl read it."""
        pem = self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return write_key(directory / f"{self.name}.pem", pem, 0o400)


def good_claims(**more):
    return {"service": SERVICE, "exp": FAR, **more}


def write_key(path, content, mode=0o644):
    """A key's file, replaced if there is one, as root's."""
    path.unlink(missing_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def key_table(kind="key", **settings):
    """A [[key]] or [[jwks]] table; values are TOML but for paths and plain text."""
    lines = [f"[[{kind}]]"]
    for name, value in settings.items():
        if isinstance(value, (bool, int, list)):
            lines.append(f"{name} = {json.dumps(value)}")
        elif name in ("not_before", "not_after"):
            lines.append(f"{name} = {value}")
        else:
            lines.append(f"{name} = {json.dumps(str(value))}")
    return "\n".join(lines) + "\n"


def openssl(*arguments, data=None):
    """The output of an openssl command."""
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=True).stdout


def answer_to(service, token, path="/containers"):
    return Client(service.url, None).get(path, headers={"Authorization": f"Bearer {token}"})


def assert_accepted(service, token):
    response = answer_to(service, token)
    assert response.status_code == 200, response.text


def assert_refused(service, token, reason=None):
    """The one constant answer; the reason is in the audit alone."""

    def refused():
        before = len(service.audit_text())
        response = answer_to(service, token)
        assert response.status_code == 401, response.text
        assert response.json() == REFUSED
        return reason is None or reason in service.audit_text()[before:]

    # Of many refusals in one second the audit has the number only.
    wait_for(refused, what=f"{reason!r} in the audit")


def _generate(algorithm):
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)
