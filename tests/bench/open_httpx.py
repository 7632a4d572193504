"""A peer: httpx as it comes, one AsyncClient with its pool, in an open loop. Prints what it saw."""

import asyncio
import json
import sys
import time

import httpx

target, rate, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])


async def main() -> None:
    lags, bad = [], []

    async def request(client: httpx.AsyncClient, due: float) -> None:
        lags.append(time.monotonic() - due)
        try:
            answer = await client.get(f"http://{target}/")
        except httpx.HTTPError as exc:
            bad.append(repr(exc))
        else:
            if answer.status_code != 200:
                bad.append(str(answer.status_code))

    async with httpx.AsyncClient() as client, asyncio.TaskGroup() as group:
        start = time.monotonic() + 0.05
        for n in range(count):
            await asyncio.sleep(max(0.0, start + n / rate - time.monotonic()))
            group.create_task(request(client, start + n / rate))
    print(json.dumps({"requests": len(lags), "bad": len(bad), "lags_ms": [lag * 1000 for lag in lags]}))


asyncio.run(main())
