"""The fallback proof: it shows on a running gateway that every declared fallback rescues a request.

A package of modules that know one thing each. Shipped into the machine as one zip file
(`gateway.proof_archive`) and run there by the image's Python (3.11 or later) with nothing but the
standard library and httpx; imported by the program for the second gate. Its input is the plan of
`gateway.proof_plan`, its output the evidence: one JSON document without any key or model's text.
"""

from gateway.proof.asking import gateway_client, new_nonce, steady_clock
from gateway.proof.evidence import (
    OUTPUT_BYTES,
    canonical,
    evidence_digest,
    evidence_is_intact,
    pack,
    sealed,
    unpack,
)
from gateway.proof.looking import requests_of, size_told
from gateway.proof.plan import SCHEMA, pack_plan, read_plan, unpack_plan
from gateway.proof.running import Surroundings, run
from gateway.proof.verdicts import EXIT_CODES, Verdict, worst

__all__ = [
    "EXIT_CODES",
    "OUTPUT_BYTES",
    "SCHEMA",
    "Surroundings",
    "Verdict",
    "canonical",
    "evidence_digest",
    "evidence_is_intact",
    "gateway_client",
    "new_nonce",
    "pack",
    "pack_plan",
    "read_plan",
    "requests_of",
    "run",
    "sealed",
    "size_told",
    "steady_clock",
    "unpack",
    "unpack_plan",
    "worst",
]
