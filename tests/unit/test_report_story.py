import histories as made

from reports.story import story


def told(*records, most=100):
    lines, left_out = story(made.history(*records), lambda t_ns: (t_ns - made.BASE_NS) / 1e9, most)
    return [(line.at_s, line.what) for line in lines], left_out


def test_of_what_is_said_again_and_again_the_first_and_the_last_are_told():
    beats = [made.said(n, "beat") for n in range(1, 6)]
    lines, left_out = told(
        made.said(0, "started"), beats, made.said(6, "signal", signal="SIGTERM"), made.said(7, "beat")
    )
    assert lines == [(0, "started"), (1, "beat"), (5, "beat"), (6, "signal signal=SIGTERM"), (7, "beat")]
    assert left_out == 0


def test_what_two_sources_say_is_no_repetition():
    lines, _ = told(*(made.said(n, "beat", name=name) for n, name in enumerate("abab")))
    assert len(lines) == 4
