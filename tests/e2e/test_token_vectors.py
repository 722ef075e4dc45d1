# SPDX-License-Identifier: Apache-2.0
"""Signatures that are nearly right, made by the tests as Wycheproof's vectors are, for each algorithm."""

import contextlib
import hashlib
import hmac
import itertools

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from harness.http_bytes import RawConnection, request
from harness.tokens import ASYMMETRIC, Issuer, assert_accepted, assert_refused, b64, good_claims, unb64

# The order of P-256's and of Ed25519's base point.
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
L = 2**252 + 27742317777372353535851937790883648493
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class HmacIssuer:
    algorithm, name = "HS256", "hs256"

    def __init__(self, secret):
        self.secret = secret.encode()

    def sign(self, message):
        return hmac.new(self.secret, message, hashlib.sha256).digest()

    craft = Issuer.craft


@pytest.fixture(scope="module")
def issuers(tmp_path_factory):
    directory = tmp_path_factory.mktemp("issuers")
    return {algorithm: Issuer(algorithm, directory) for algorithm in ASYMMETRIC}


@pytest.fixture(scope="module")
def service(service_maker, issuers):
    """A service with one key of each algorithm, none with an id."""
    service = service_maker(tables="".join(issuer.table() for issuer in issuers.values()))
    issuers["HS256"] = HmacIssuer(service.secret)
    try:
        yield service.start()
    finally:
        service.close()


def as_bytes(*numbers):
    return b"".join(number.to_bytes(32, "big") for number in numbers)


# Each token from an address of its own, so that every one is checked, however many were bad before.
ADDRESSES = (f"127.1.{a}.{b}" for a in itertools.count(1) for b in range(1, 255))


def status_of(service, token):
    with RawConnection(service.port, source=next(ADDRESSES)) as connection:
        connection.send(request("GET", "/api/v1/containers", [("Authorization", f"Bearer {token}")]))
        return connection.answer().status


def assert_all_refused(service, issuer, signatures):
    for name, signature in signatures.items():
        assert status_of(service, issuer.craft(signature=signature)) == 401, name


@pytest.mark.parametrize("algorithm", ["HS256", *ASYMMETRIC])
def test_j25_flipped_bits(service, issuers, algorithm):
    """No bit of header, claims or signature can change (property test over every single bit)."""
    issuer = issuers[algorithm]
    good = issuer.craft(claims=good_claims(jti="j-25"))
    assert_accepted(service, good)
    segments = good.split(".")
    accepted = []
    for index, segment in enumerate(segments):
        raw = unb64(segment)
        for bit in range(len(raw) * 8):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            token = ".".join([*segments[:index], b64(bytes(flipped)), *segments[index + 1 :]])
            if (status := status_of(service, token)) != 401:
                accepted.append((index, bit, status))
    assert accepted == []


@pytest.mark.parametrize("algorithm", ["HS256", *ASYMMETRIC])
def test_j26_signature_lengths(service, issuers, algorithm):
    """Cut, extended, doubled, empty and zero signatures."""
    issuer = issuers[algorithm]
    size = len(issuer.sign(b"x"))
    assert_accepted(service, issuer.craft())
    cuts = {f"cut to {to}": lambda m, to=to: issuer.sign(m)[:to] for to in (0, 1, 16, 31, 32, size - 1) if to < size}
    assert_all_refused(service, issuer, {
        **cuts,
        "first byte gone": lambda m: issuer.sign(m)[1:],
        "extended by 0": lambda m: issuer.sign(m) + b"\0",
        "led by 0": lambda m: b"\0" + issuer.sign(m),
        "doubled": lambda m: issuer.sign(m) * 2,
        "reversed": lambda m: issuer.sign(m)[::-1],
        "zeroes": bytes(size), "ones": b"\xff" * size,
        "of another message": lambda m: issuer.sign(m + b"x"),
        "of the message and a newline": lambda m: issuer.sign(m + b"\n"),
        "of the claims alone": lambda m: issuer.sign(m.split(b".")[1]),
    })  # fmt: skip


def test_j05_es256(service, issuers):
    """Only r||s of 32 bytes each, with r and s in [1, n-1]; no DER."""
    issuer = issuers["ES256"]

    def pair(message):
        signature = issuer.sign(message)
        return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")

    def changed(change):
        return lambda message: as_bytes(*change(*pair(message)))

    def der(message):
        return issuer.private_key.sign(message, ec.ECDSA(hashes.SHA256()))

    assert_accepted(service, issuer.craft())
    # Half of all honest signatures have a high s, so both halves count (RFC 7518 knows no low s).
    assert_accepted(service, issuer.craft(signature=changed(lambda r, s: (r, N - s))))
    edges = {"0": 0, "1": 1, "n-1": N - 1, "n": N, "n+1": N + 1, "2^256-1": 2**256 - 1}
    made = {f"r={a} s={b}": as_bytes(x, y) for a, x in edges.items() for b, y in edges.items()}
    assert_all_refused(service, issuer, {
        **made,
        "r=0": changed(lambda r, s: (0, s)), "s=0": changed(lambda r, s: (r, 0)),
        "r=n": changed(lambda r, s: (N, s)), "s=n": changed(lambda r, s: (r, N)),
        "-r": changed(lambda r, s: (N - r, s)), "swapped": changed(lambda r, s: (s, r)),
        "r+1": changed(lambda r, s: ((r + 1) % N, s)), "s+1": changed(lambda r, s: (r, (s + 1) % N)),
        "DER": der,
        "DER in hex": lambda m: der(m).hex().encode(),
        "r||s padded to 66": lambda m: b"\0" + issuer.sign(m)[:32] + b"\0" + issuer.sign(m)[32:],
        "little-endian": lambda m: issuer.sign(m)[31::-1] + issuer.sign(m)[:31:-1],
        "SHA-384": lambda m: raw_ecdsa(issuer.private_key.sign(m, ec.ECDSA(hashes.SHA384()))),
        "no digest": lambda m: raw_ecdsa(
            issuer.private_key.sign(m[:32], ec.ECDSA(utils.Prehashed(hashes.SHA256())))),
    })  # fmt: skip


def raw_ecdsa(der):
    return as_bytes(*utils.decode_dss_signature(der))


def test_j06_eddsa(service, issuers):
    """S below L, the whole of R and S, and nothing that Ed25519 has not."""
    issuer = issuers["EdDSA"]

    def changed(change):
        def make(message):
            signature = issuer.sign(message)
            return signature[:32] + change(int.from_bytes(signature[32:], "little")).to_bytes(32, "little")

        return make

    assert_accepted(service, issuer.craft())
    assert_all_refused(service, issuer, {
        "S+L": changed(lambda s: s + L),
        **{f"S+{k}L": changed(lambda s, k=k: s + k * L) for k in range(2, 15)},
        "S=0": changed(lambda s: 0), "S=L": changed(lambda s: L), "-S": changed(lambda s: L - s),
        "top bit of S": changed(lambda s: s | 1 << 255),
        "R=0": lambda m: bytes(32) + issuer.sign(m)[32:],
        "R=1": lambda m: b"\1" + bytes(31) + issuer.sign(m)[32:],
        "R=1 S=0": b"\1" + bytes(63),
        "sign of R": lambda m: issuer.sign(m)[:31] + bytes([issuer.sign(m)[31] ^ 128]) + issuer.sign(m)[32:],
        "prehashed": lambda m: issuer.sign(hashlib.sha512(m).digest()),
    })  # fmt: skip


def padded(info, size=256, block=1, fill=0xFF, tail=b""):
    """A block of PKCS #1 version 1.5: 00 BT PS 00 T, and what a forger puts behind it."""
    return bytes([0, block]) + bytes([fill]) * (size - 3 - len(info) - len(tail)) + b"\0" + info + tail


def test_rs256_paddings(service, issuers):
    """Only the one right block: PKCS #1 v1.5 forgeries by whoever has the key, and by whoever has not."""
    issuer = issuers["RS256"]
    private = issuer.private_key.private_numbers()
    n, d = private.public_numbers.n, private.d

    def power(make):
        def sign(message):
            return pow(int.from_bytes(make(hashlib.sha256(message).digest()), "big"), d, n).to_bytes(256, "big")

        return sign

    right = power(lambda digest: padded(SHA256_INFO + digest))
    assert_accepted(service, issuer.craft(signature=right))
    oid, no_null = SHA256_INFO, bytes.fromhex("302f300b0609608648016503040201" + "0420")
    sha512, sha1 = oid[:14] + b"\3" + oid[15:], bytes.fromhex("3021300906052b0e03021a05000414")
    longer = bytes.fromhex("308131300d060960864801650304020105000420")
    blocks = {
        "trailing garbage": lambda h: padded(oid + h, tail=b"\0" * 20),
        "trailing garbage, 8 bytes of padding": lambda h: b"\0\1" + b"\xff" * 8 + b"\0" + oid + h + b"x" * 194,
        "garbage in the parameters": lambda h: padded(bytes.fromhex("3033300f06096086480165030402010502ffff0420") + h),
        "another digest's name": lambda h: padded(sha512 + h),
        "SHA-1": lambda h: padded(sha1 + h[:20]),
        "no name": padded,
        "no NULL": lambda h: padded(no_null + h),
        "long form of a length": lambda h: padded(longer + h),
        "digest cut": lambda h: padded(oid[:-1] + b"\x1f" + h[:31]),
        "block type 0": lambda h: padded(oid + h, block=0, fill=0),
        "block type 2": lambda h: padded(oid + h, block=2, fill=0xAA),
        "padding not ff": lambda h: padded(oid + h, fill=0xFE),
        "one byte of padding wrong": lambda h: padded(oid + h)[:20] + b"\xfe" + padded(oid + h)[21:],
        "no end of the padding": lambda h: b"\0\1" + b"\xff" * (254 - len(oid + h)) + oid + h,
        "two ends": lambda h: padded(b"\0" + oid + h),
        "zero": lambda h: bytes(256),
    }  # fmt: skip
    assert_all_refused(service, issuer, {name: power(make) for name, make in blocks.items()})

    def plus_modulus(message):
        return int.from_bytes(right(message), "big") + n

    assert_all_refused(service, issuer, {
        "0": bytes(256), "1": (1).to_bytes(256, "big"), "n": n.to_bytes(256, "big"),
        "n-1": (n - 1).to_bytes(256, "big"),
        "s+n": lambda m: plus_modulus(m).to_bytes(257, "big"),
        "-s": lambda m: (n - int.from_bytes(right(m), "big")).to_bytes(256, "big"),
        "the block itself": lambda m: padded(oid + hashlib.sha256(m).digest()),
        "PSS": lambda m: issuer.private_key.sign(
            m, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()),
        "SHA-512": lambda m: issuer.private_key.sign(m, padding.PKCS1v15(), hashes.SHA512()),
    })  # fmt: skip


def test_rs256_key_sizes(service_maker, tmp_path):
    """2048 bits are enough, 3072 and a modulus that is no multiple of 8 bits work too."""
    for bits in (2050, 3072):
        issuer = Issuer("RS256", tmp_path, f"rsa-{bits}", rsa.generate_private_key(65537, bits))
        with contextlib.closing(service_maker(tables=issuer.table())) as service:
            service.start()
            assert_accepted(service, issuer.token())
            assert_refused(service, issuer.craft(signature=lambda m, i=issuer: b"\0" + i.sign(m)))
