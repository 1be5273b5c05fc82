from keyspec.devhub.pace import Pace


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_without_a_rate_it_never_refuses():
    pace = Pace(None, Clock())
    assert {pace.take_token() for _ in range(1000)} == {None}


def test_a_second_is_stored_and_fills_evenly():
    clock = Clock()
    pace = Pace(4, clock)
    assert [pace.take_token() for _ in range(5)] == [None, None, None, None, 1]
    clock.now += 0.25
    assert [pace.take_token() for _ in range(2)] == [None, 1]


def test_whoever_waits_as_told_gets_in():
    clock = Clock()
    pace = Pace(0.1, clock)
    assert pace.take_token() is None
    seconds = pace.take_token()
    assert seconds == 10
    clock.now += seconds
    assert pace.take_token() is None
