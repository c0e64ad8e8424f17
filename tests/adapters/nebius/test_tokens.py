"""The life of a token by a clock that a test moves: renewed ahead, once for all, kept, unseen."""

import asyncio
import base64
import json
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.nebius.credentials import Shape, expiry_ns, expiry_warning, redacted, shape_of
from adapters.nebius.identity import Identity, RefusedGrant, assertion, granted, identity_from
from adapters.nebius.token_file import TokenFile
from adapters.nebius.tokens import IdentityTokens, NoCredential
from adapters.nebius.wire import RawAnswer
from adapters.simulated.advisor.service import AUDIENCE, StubService
from state.advice.codes import Code
from state.config.secret import Secret
from state.errors import ConfigurationInvalid
from state.messages.advice import ChatReplied
from state.values import NS_PER_S, TimeNs
from tests.adapters.nebius.fakes import (
    START_NS,
    FakeTime,
    FakeWire,
    a_chat,
    a_completion,
    a_request,
    raw,
)

LIFE_S = 3600.0
HOUR_NS = 3600 * NS_PER_S


@pytest.fixture(scope="module")
def pem():
    # A short key is made fast; how long it is changes nothing here.
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


class Scene:
    """A service account at the stub, which verifies its signatures and has the right time."""

    def __init__(self, pem, folder, *, clock=None, service=None):
        private, public = pem
        self.clock = clock or FakeTime()
        self.service = service or StubService(
            seed=1,
            script=("good",),
            now_ns=lambda: START_NS + self.clock.passed_ns,
            token_life_s=LIFE_S,
            public_key=public,
        )
        self.wire = FakeWire(self._answer, self.clock)
        self.identity = Identity(
            service_account="serviceaccount-1",
            key_id="publickey-1",
            private_key=Secret(private),
            audience=AUDIENCE,
        )
        self.path = folder / "advisor-token"
        self.hidden = []
        self.tokens = self.born()
        self.chat = a_chat(self.wire, self.clock, credentials=self.tokens)
        self.broken = False

    def born(self):
        return IdentityTokens(
            self.identity,
            "https://auth.example/exchange",
            transport=self.wire,
            clock=self.clock,
            file=TokenFile(self.path, self.identity.service_account),
            sleep=self.clock.sleep,
            hide=self.hidden.append,
        )

    def _answer(self, sent):
        if sent.url.startswith("https://auth"):
            if self.broken:
                return raw(503, {})
            answer = self.service.exchange(sent.body)
        else:
            headers = {"authorization": sent.headers["authorization"]}
            known = self.service.models(headers, verbose=False).status == 200
            return raw(200, a_completion()) if known else raw(401, {"detail": "who?"})
        told = {name.lower(): value for name, value in answer.headers.items()}
        return RawAnswer(status=answer.status, headers=told, body=answer.body)

    async def all_complete(self, count):
        return await asyncio.gather(*(self.chat.complete(a_request()) for _ in range(count)))

    @property
    def exchanges(self):
        return self.service.counts["exchange"]


@pytest.fixture
def scene(pem, tmp_path):
    return Scene(pem, tmp_path)


def test_the_signed_token_has_exactly_the_claims_that_are_asked(scene):
    signed = assertion(scene.identity, START_NS).reveal()
    header, payload, _ = (part + "=" * (-len(part) % 4) for part in signed.split("."))
    assert json.loads(base64.urlsafe_b64decode(header)) == {
        "alg": "RS256",
        "typ": "JWT",
        "kid": "publickey-1",
    }
    issued = START_NS // NS_PER_S
    assert json.loads(base64.urlsafe_b64decode(payload)) == {
        "iss": "serviceaccount-1",
        "sub": "serviceaccount-1",
        "aud": AUDIENCE,
        "iat": issued,
        "exp": issued + 60,
    }


@pytest.mark.parametrize("callers", [1, 2, 50])
async def test_the_first_token_is_asked_for_once_however_many_wait(scene, callers):
    replies = await scene.all_complete(callers)
    assert all(isinstance(one, ChatReplied) for one in replies)
    assert scene.exchanges == 1


@pytest.mark.parametrize("callers", [1, 2, 50])
async def test_a_storm_of_refusals_causes_one_refresh(scene, callers):
    await scene.all_complete(callers)
    scene.clock.pass_s(60)
    scene.service.expire_tokens()
    replies = await scene.all_complete(callers)
    assert all(isinstance(one, ChatReplied) for one in replies)
    assert scene.exchanges == 2
    # Whoever comes late with the refused token gets the new one, and no third is asked for.
    late = await scene.tokens.instead_of(Secret("ne1stub000001.1"))
    assert late == await scene.tokens.current()
    assert scene.exchanges == 2


async def test_a_token_is_renewed_behind_its_use_at_nine_tenths_of_its_life(scene):
    first = await scene.tokens.current()
    scene.clock.pass_s(LIFE_S * 0.89)
    assert await scene.tokens.current() == first
    await asyncio.sleep(0.01)
    assert scene.exchanges == 1
    scene.clock.pass_s(LIFE_S * 0.02)
    assert await scene.tokens.current() == first  # Nobody waits for the next one.
    for _ in range(10):
        await asyncio.sleep(0)
    assert await scene.tokens.current() != first
    assert scene.exchanges == 2


async def test_an_expired_token_is_renewed_before_it_is_used(scene):
    first = await scene.tokens.current()
    scene.clock.pass_s(LIFE_S + 1)
    found = await asyncio.gather(*(scene.tokens.current() for _ in range(20)))
    assert first not in found
    assert scene.exchanges == 2


@pytest.mark.parametrize("offset_s", [-7200, -90, 90, 7200])
async def test_a_wrong_clock_of_ours_is_noticed_by_the_provider_s_date(scene, offset_s):
    scene.clock.offset_ns = offset_s * NS_PER_S
    assert isinstance(await scene.chat.complete(a_request()), ChatReplied)
    assert scene.exchanges == 2  # Refused once, then signed by the right time.
    scene.clock.pass_s(LIFE_S + 1)
    assert isinstance(await scene.chat.complete(a_request()), ChatReplied)
    assert scene.exchanges == 3  # It is known by now.


async def test_a_step_of_the_wall_clock_ends_no_token(scene):
    first = await scene.tokens.current()
    scene.clock.offset_ns = 10 * HOUR_NS
    assert await scene.tokens.current() == first
    assert scene.exchanges == 1


async def test_an_exchange_that_fails_is_left_alone_for_longer_and_longer(scene):
    scene.broken = True
    counts = []
    for _ in range(120):
        with pytest.raises(NoCredential) as caught:
            await scene.tokens.current()
        assert caught.value.code is Code.CREDENTIAL_REFUSED
        counts.append(len(scene.wire.sent))
        scene.clock.pass_s(1)
    assert counts[-1] < 15
    scene.broken = False
    scene.clock.pass_s(61)
    assert await scene.tokens.current()


async def test_a_token_outlives_the_process_in_a_file_of_its_owner_alone(scene):
    first = await scene.tokens.current()
    assert stat.S_IMODE(scene.path.stat().st_mode) == 0o600
    scene.clock.pass_s(60)
    assert await scene.born().current() == first
    assert scene.exchanges == 1
    scene.clock.pass_s(LIFE_S * 0.95)
    assert await scene.born().current() != first  # Less than a tenth of its life was left.
    scene.path.chmod(0o644)
    await scene.born().current()
    assert scene.exchanges == 3  # Others could read it: it is not used.
    assert first in scene.hidden


async def test_a_new_token_that_is_refused_at_once_is_not_asked_for_again_and_again(scene):
    await scene.tokens.current()
    scene.service.expire_tokens()
    failed = await scene.chat.complete(a_request())
    assert failed.code is Code.CREDENTIAL_REFUSED
    assert scene.exchanges == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"access_token": "t", "token_type": "MAC", "expires_in": 9}, "not Bearer"),
        ({"access_token": "t", "token_type": "Bearer"}, "how long"),
        ({"access_token": "", "token_type": "Bearer", "expires_in": 9}, "no token"),
        ({"access_token": "t", "token_type": "Bearer", "expires_in": -9}, "without a life"),
        (["t"], "no object"),
    ],
)
def test_a_grant_that_cannot_be_used_is_refused(body, says):
    with pytest.raises(RefusedGrant, match=says):
        granted(raw(200, body))


def test_camel_case_is_read_as_well():
    grant = granted(raw(200, {"accessToken": "t", "tokenType": "bearer", "expiresIn": "43200"}))
    assert (grant.token.reveal(), grant.life_s) == ("t", 43200.0)


# Keys.


def a_jwt(**claims):
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return Secret(f"eyJhbGciOiJSUzI1NiJ9.{payload}.c2lnbmF0dXJl")


def test_a_key_is_known_by_its_shape_and_only_a_jwt_is_read():
    assert expiry_ns(a_jwt(exp=1_790_000_100.5)) == 1_790_000_100_500_000_000
    assert expiry_ns(a_jwt(iat=1)) is None
    for odd in ("soon", True, -1, 1e300, None):
        assert expiry_ns(a_jwt(exp=odd)) is None
    static = Secret("v1.eyJleHAiOjE3OTB9.abcdef")
    assert (shape_of(static), expiry_ns(static)) == (Shape.STATIC, None)
    assert shape_of(Secret("ne1abc")) is shape_of(Secret("v0.a.b")) is Shape.ACCESS
    for garbage in ("eyJ.!!!.x", "eyJ..", "eyJhbGci.e30", "", "eyJa.bnVsbA.x"):
        assert expiry_ns(Secret(garbage)) is None


@pytest.mark.parametrize(
    ("days", "says"), [(15, ""), (13, "13 days"), (1.5, "36 hours"), (-1, "has expired")]
)
def test_an_end_that_is_near_is_warned_of(days, says):
    warning = expiry_warning(TimeNs(START_NS + int(days * 24) * HOUR_NS), START_NS)
    assert says in warning
    assert bool(says) is bool(warning)


def test_no_text_keeps_a_credential():
    secret = Secret("v1.canarycanary.canary")
    texts = (
        f"header Authorization: Bearer {secret.reveal()}",
        "{'authorization': 'Bearer eyJhbGciOi.canarycanary.canary'}",
        "access_token=canarycanary&x=1",
        "subject_token: canarycanary",
        "failed with ne1canarycanary and v0.canarycanary",
        f"plain {secret.reveal()}",
    )
    for text in texts:
        assert "canary" not in redacted(text, secret), text


def test_an_identity_file_must_be_whole_and_its_owner_s_alone(pem, tmp_path):
    path = tmp_path / "identity.json"
    subject = {
        "type": "JWT",
        "alg": "RS256",
        "private-key": pem[0],
        "kid": "publickey-1",
        "iss": "serviceaccount-1",
        "sub": "serviceaccount-1",
    }

    def written(mode=0o600, **changes):
        path.write_text(json.dumps({"subject-credentials": subject | changes}))
        path.chmod(mode)
        return identity_from(path, AUDIENCE)

    assert written().key_id == "publickey-1"
    for changes in ({"mode": 0o644}, {"alg": "HS256"}, {"sub": "x"}, {"private-key": "canary"}):
        with pytest.raises(ConfigurationInvalid) as caught:
            written(**changes)
        assert "canary" not in str(caught.value)
    with pytest.raises(ConfigurationInvalid):
        identity_from(tmp_path / "none", AUDIENCE)
