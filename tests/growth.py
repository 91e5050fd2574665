# SPDX-License-Identifier: MIT
"""snek-api's functions as their stack grows: real servers, and for each function
a Runtime API that hands out events.

growth.py API: runs API (snek-api).
"""
import inspect
import json
import sys
import time

from runtime_api import Function as AnyFunction, Servers, spare_port

API, = sys.argv[1:]


class Function(AnyFunction):
    """snek-api as a function whose environment names these shards."""

    def __init__(self, world, shards, level):
        super().__init__(API, world.dir.name, SNEK_META=world.meta.url,
                         SNEK_SHARDS=','.join(shards), SNEK_LEVEL=str(level))
        world.functions.append(self)


class World(Servers):
    def __init__(self, shards):
        super().__init__(shards + 1)
        self.meta = self.servers[0]
        self.shard = [s.url for s in self.servers[1:]]


def more_servers_and_another_level_are_taken_by_who_starts_next():
    with World(4) as w:
        old = Function(w, w.shard[:2], 2)
        assert old.shape() == (2, 2)
        records = [{'n': n} for n in range(100)]
        old.write('old', *records)
        assert old.placement('old') == [0, 1]
        new = Function(w, w.shard, 4)
        assert new.shape() == (4, 4), new.said()
        assert new.read('old') == records and new.placement('old') == [0, 1]
        new.write('new', *records)
        assert new.placement('new') == [0, 1, 2, 3]
        assert new.read('new') == records
        # Who was there before goes on, and soon opens what is new for it.
        assert old.read('old') == records
        for _ in range(100):
            if old.status('GET', '/v1/categories/new') == 200:
                break
            time.sleep(0.2)
        assert old.placement('new') == [0, 1, 2, 3]
        assert old.read('new') == records
        low = Function(w, w.shard, 1)
        assert low.shape() == (4, 1)
        low.write('low', *records)
        assert len(low.placement('low')) == 1


def a_server_that_is_named_no_more_stays():
    with World(3) as w:
        assert Function(w, w.shard, 3).shape() == (3, 3)
        few = Function(w, w.shard[:1], 1)
        assert few.shape() == (3, 1)
        few.write('c', {'n': 1})
        assert few.read('c') == [{'n': 1}]


def many_that_start_at_once_agree():
    with World(5) as w:
        first = Function(w, w.shard[:1], 1)
        assert first.shape() == (1, 1)
        # Among them one that is of the change before.
        at_once = [Function(w, w.shard[:n], n) for n in (5, 3, 5, 5)]
        for f in at_once:
            f.begin('GET', '/v1/cluster')
        for f in at_once:
            f.end()
        assert Function(w, w.shard, 5).shape() == (5, 5)
        last = w.functions[-1]
        last.write('c', *({'n': n} for n in range(50)))
        assert last.placement('c') == [0, 1, 2, 3, 4]
        assert len(last.read('c')) == 50


def who_cannot_add_a_server_serves_what_there_is():
    with World(2) as w:
        assert Function(w, w.shard[:1], 1).shape() == (1, 1)
        gone = f'redis://127.0.0.1:{spare_port()}'
        f = Function(w, [w.shard[0], gone], 2)
        assert f.shape() == (1, 1)
        said = json.loads(f.said().splitlines()[0])
        assert said['level'] == 'ERROR' and gone[8:] in said['message'], said
        assert Function(w, w.shard, 2).shape() == (2, 2)


def who_cannot_add_a_server_yet_tries_again():
    with World(2) as w:
        assert Function(w, w.shard[:1], 1).shape() == (1, 1)
        w.servers[2].say('CONFIG SET maxmemory-policy allkeys-lru')
        f = Function(w, w.shard, 2)
        assert f.shape() == (1, 1)
        assert 'allkeys-lru' in f.said()
        w.servers[2].say('CONFIG SET maxmemory-policy noeviction')
        for _ in range(100):
            if f.shape() == (2, 2):
                break
            time.sleep(0.2)
        assert f.shape() == (2, 2), f.said()


def a_function_says_what_a_request_of_its_may_have():
    with World(1) as w:
        f = Function(w, w.shard, 1)
        most = json.loads(f.ask('GET', '/v1'))['most_bytes']
        assert 4 << 20 < most < 6291556 * 3 // 4, most
        begun = json.loads(f.ask('POST', '/v1/categories/c/writes', status=201))
        assert begun['most_bytes'] == most, begun


def main():
    for name, f in list(globals().items()):
        if inspect.isfunction(f) and f not in (main, spare_port):
            f()
            print(f'ok {name}', flush=True)


main()
