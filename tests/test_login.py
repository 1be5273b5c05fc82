from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from keyspec.errors import HubError
from keyspec.login import Login
from keyspec.secret import Secret


class Tokens:
    def __init__(self):
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return Secret(f"token-{self.asked}")


def test_a_token_is_asked_for_once_whoever_needs_it():
    tokens = Tokens()
    login = Login(tokens)
    together = threading.Barrier(8)

    def take(_):
        together.wait(10)
        return login.token()

    with ThreadPoolExecutor(8) as workers:
        taken = list(workers.map(take, range(8)))
    assert tokens.asked == 1
    assert all(token is taken[0] for token in taken)


def test_a_refused_token_is_asked_for_once_more_however_many_were_refused():
    tokens = Tokens()
    login = Login(tokens)
    first = login.token()
    assert all(login.renew(first) for _ in range(5))
    assert login.token().reveal() == "token-2"
    assert tokens.asked == 2


def test_a_hub_that_takes_no_token_is_not_asked_for_ever():
    tokens = Tokens()
    login = Login(tokens)
    assert login.renew(login.token())
    assert not login.renew(login.token())
    assert tokens.asked == 2


def test_a_token_that_has_served_may_run_out_again_and_again():
    tokens = Tokens()
    login = Login(tokens)
    for _ in range(5):
        token = login.token()
        login.prove(token)
        assert login.renew(token)
    assert tokens.asked == 5


def test_a_login_that_fails_is_tried_again_by_the_next_request():
    def fail():
        raise HubError("no")

    login = Login(fail)
    for _ in range(2):
        with pytest.raises(HubError):
            login.token()
