"""What is said where a model is not on this machine, without asking the Hub."""

import os
import socket

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
huggingface_hub = pytest.importorskip("huggingface_hub")

from mtlearn.exceptions import NetworkError  # noqa: E402
from mtlearn.networks._hub import from_hub  # noqa: E402


def absent(local):
    raise OSError("not here" if local else "half a file")


class Hub:
    """Stands for the Hub, which has two models."""

    def model_info(self, name, timeout):
        assert timeout <= 10
        if name not in ("big/resnet-50", "big/resnet-18"):
            raise huggingface_hub.errors.HFValidationError(name)

    def list_models(self, author, search, limit):
        names = ["big/resnet-50", "big/resnet-18", "small/resnet-9"]
        names = [name for name in names if name.startswith(f"{author}/{search}")]
        return [type("Found", (), {"id": name}) for name in names[:limit]]


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)


def test_what_is_on_the_machine_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(huggingface_hub, "HfApi", None)
    assert from_hub("a/b", lambda local: local, "Own") is True


def test_without_a_network_it_fails_at_once(monkeypatch):
    def connect(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", connect)
    environment = dict(os.environ)
    with pytest.raises(
        NetworkError, match=r"Own does not find 'a/b' .* 'hf download a/b'"
    ):
        from_hub("a/b", absent, "Own")
    assert dict(os.environ) == environment


@pytest.mark.usefixtures("hub")
def test_a_name_that_the_hub_does_not_have_lists_near_ones():
    message = "no model 'big/resnet-5O'.* 'big/resnet-50', 'big/resnet-18'"
    with pytest.raises(NetworkError, match=message) as caught:
        from_hub("big/resnet-5O", absent, "Own")
    assert "small" not in str(caught.value)


@pytest.mark.usefixtures("hub")
def test_what_the_hub_has_is_loaded():
    def load(local):
        if local:
            raise OSError("not here")
        return "loaded"

    assert from_hub("big/resnet-50", load, "Own") == "loaded"
    with pytest.raises(NetworkError, match=r"could not be loaded .* half a file"):
        from_hub("big/resnet-50", absent, "Own")
