"""What keyspec costs: time, memory and requests, each figure beside a floor that was measured in the same run.

    cd tests && python -m benchmarks [--only NAME]... [--runs N] [--quick]

    __main__    the cases chosen, one after another, printed as one table
    cases       what is measured, against which floor and which budget; `fleets` those that ask hubs
    measure     programs in processes of their own, in turns, medians
    data        hubs, keys and specs, made by rule
    server      many hubs in one process, as fast as Python allows      standing: that process, seen from here
    floor       the same requests from bare httpx, or from `wire`       wire: HTTP/1.1 over a raw socket
    inner       one part of a run alone, in a process of its own

Absolute figures drift with the machine, ratios hold. `OVER` beside a budget is told, never asserted.
"""
