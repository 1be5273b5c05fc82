from keyspec.devhub.errors import KnobError, Reason, Refusal


def test_a_refusal_keeps_what_a_dialect_needs():
    refusal = Refusal(Reason.TOO_MANY_REQUESTS, "slow down", field="x", headers=[("retry-after", "1")])
    assert (refusal.reason.value, str(refusal), refusal.field) == ("too_many_requests", "slow down", "x")
    assert refusal.headers == (("retry-after", "1"),)


def test_a_knob_error_says_everything():
    error = KnobError(["one", "two"])
    assert (error.problems, str(error)) == (("one", "two"), "one\ntwo")
