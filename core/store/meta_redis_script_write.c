/* SPDX-License-Identifier: MIT */
#include "store/meta_redis_lua.h"

/* The record of a request id, within the window of ARGV[i] seconds. */
#define LUA_REQUEST \
	"local function request(id, rid, window)\n" \
	"  local key = M .. 'request:' .. id\n" \
	"  local r = call('HGET', key, rid)\n" \
	"  if not r then return end\n" \
	"  if #r ~= 65 then fail('damaged', key) end\n" \
	"  if (struct.unpack('<I8', r, 2)) <= now() - window then return end\n" \
	"  return r\n" \
	"end\n"

/* ARGV: category, request id, window. */
const char sk_lua_request[] = SK_LUA_BASE LUA_REQUEST SK_LUA_MAIN
	"  local r = request(ARGV[1], ARGV[2], tonumber(ARGV[3]))\n"
	"  if not r then fail('none') end\n"
	"  return {'ok', r}\n"
	SK_LUA_END;

/*
 * ARGV: 1 category, 2 request id or nothing, 3 window, 4 write id, 5 records,
 * 6 bytes, 7 shards of its parts, or nothing if it is inlined, 8 the entry up
 * to `last`, 9 from there to the first part's shard if it is inlined, else to
 * the end, 10 the rest of an inlined one, 11 the request from `records` on.
 */
const char sk_lua_commit[] = SK_LUA_BASE SK_LUA_CATEGORY SK_LUA_WRITE LUA_REQUEST SK_LUA_MAIN
	"  local id, rid, wid = ARGV[1], ARGV[2], ARGV[4]\n"
	"  local c, key = category(id)\n"
	"  if not c then fail('none') end\n"
	"  local old = rid ~= '' and request(id, rid, tonumber(ARGV[3]))\n"
	"  if old then return {'request', old} end\n"
	"  fresh(wid)\n"
	"  local p = place(c, key, ARGV[7])\n"
	"  local v = number(c[3], key) + 1\n"
	"  local version = add(v, 0)\n"
	"  local m = M .. 'manifest:' .. id\n"
	"  if call('ZCOUNT', m, version, '+inf') ~= 0 then fail('damaged', m) end\n"
	"  local shard = ''\n"
	"  if ARGV[10] ~= '' then\n"
	"    local at = 4 * (v % (#p / 4))\n"
	"    shard = string.sub(p, at + 1, at + 4)\n"
	"  end\n"
	"  local last, t = struct.pack('<I8', v), now()\n"
	"  local w = {{'HSET', key, 'version', version,\n"
	"    'writes', add(number(c[5], key), 1),\n"
	"    'records', add(number(c[6], key), tonumber(ARGV[5])),\n"
	"    'bytes', add(number(c[7], key), tonumber(ARGV[6]))},\n"
	"    {'ZADD', m, version, struct.pack('>I8', v) .. ARGV[8] .. last ..\n"
	"      ARGV[9] .. shard .. ARGV[10]},\n"
	"    {'HSET', M .. 'named', wid, id .. ' ' .. version}}\n"
	"  if rid ~= '' then\n"
	"    w[4] = {'HSET', M .. 'request:' .. id, rid,\n"
	"      '\\1' .. struct.pack('<I8', t) .. last .. ARGV[11]}\n"
	"    w[5] = {'ZADD', M .. 'expiry', text(t), id .. ' ' .. rid}\n"
	"  end\n"
	"  apply(w)\n"
	"  return {'ok', version}\n"
	SK_LUA_END;

/*
 * ARGV: 1 category, 2 write ids of the old entries, 3 first, 4 last, 5 records,
 * 6 bytes, 7 shards of the parts, 8 write id, 9 the entry after its be64 first.
 */
const char sk_lua_fold[] = SK_LUA_BASE SK_LUA_CATEGORY SK_LUA_WRITE SK_LUA_MAIN
	"  local id, old, wid = ARGV[1], ARGV[2], ARGV[8]\n"
	"  local c, key = category(id)\n"
	"  if not c then fail('lost') end\n"
	"  local m, n, i = M .. 'manifest:' .. id, #old / 16, 0\n"
	"  local rank = call('ZCOUNT', m, '-inf', '(' .. ARGV[3])\n"
	"  local first, records, bytes = tonumber(ARGV[3]), 0, 0\n"
	"  local at, w, del = first, {}, nil\n"
	"  w[1] = {'ZREMRANGEBYRANK', m, text(rank), text(rank + n - 1)}\n"
	"  while i < n do\n"
	"    local e = call('ZRANGE', m, text(rank + i),\n"
	"      text(math.min(rank + i + 15, rank + n - 1)))\n"
	"    if #e == 0 then fail('lost') end\n"
	"    for _, v in ipairs(e) do\n"
	"      if #v < 70 then fail('damaged', m) end\n"
	"      local x = string.sub(v, 19, 34)\n"
	"      if (struct.unpack('>I8', v)) ~= at or\n"
	"          x ~= string.sub(old, 16 * i + 1, 16 * i + 16) then\n"
	"        fail('lost')\n"
	"      end\n"
	"      at = struct.unpack('<I8', v, 11) + 1\n"
	"      records = records + struct.unpack('<I8', v, 51)\n"
	"      bytes = bytes + struct.unpack('<I8', v, 59)\n"
	"      if i % 256 == 0 then\n"
	"        del = {'HDEL', M .. 'named'}\n"
	"        w[#w + 1] = del\n"
	"      end\n"
	"      del[#del + 1] = x\n"
	"      i = i + 1\n"
	"    end\n"
	"  end\n"
	"  if at ~= tonumber(ARGV[4]) + 1 then fail('lost') end\n"
	"  if records ~= tonumber(ARGV[5]) then fail('records', text(records)) end\n"
	"  place(c, key, ARGV[7])\n"
	"  fresh(wid)\n"
	"  local sum = number(c[7], key) - bytes\n"
	"  if sum < 0 then fail('damaged', key) end\n"
	"  w[#w + 1] = {'ZADD', m, ARGV[3], struct.pack('>I8', first) .. ARGV[9]}\n"
	"  w[#w + 1] = {'HSET', M .. 'named', wid, id .. ' ' .. ARGV[3]}\n"
	"  w[#w + 1] = {'HSET', key, 'epoch', add(number(c[4], key), 1),\n"
	"    'bytes', add(sum, tonumber(ARGV[6]))}\n"
	"  apply(w)\n"
	"  return {'ok'}\n"
	SK_LUA_END;

/* ARGV of the next three: write id. */
const char sk_lua_named[] = SK_LUA_BASE SK_LUA_WRITE SK_LUA_MAIN
	"  return {'ok', owner(ARGV[1]) and '1' or '0'}\n"
	SK_LUA_END;

/* HDEL: a write that asks for no memory, so that a full server can be swept. */
const char sk_lua_abort[] = SK_LUA_BASE SK_LUA_WRITE SK_LUA_MAIN
	"  local o = owner(ARGV[1])\n"
	"  if o then fail('named', o) end\n"
	"  local key = M .. 'aborted'\n"
	"  apply({{'HDEL', key, ARGV[1]}, {'HSET', key, ARGV[1], text(now())}})\n"
	"  return {'ok'}\n"
	SK_LUA_END;

const char sk_lua_forget[] = SK_LUA_BASE SK_LUA_MAIN
	"  apply({{'HDEL', M .. 'aborted', ARGV[1]}})\n"
	"  return {'ok'}\n"
	SK_LUA_END;

/* ARGV: age in seconds.  "1": there may be more. */
const char sk_lua_expire[] = SK_LUA_BASE SK_LUA_MAIN
	"  local key = M .. 'expiry'\n"
	"  local e = call('ZRANGEBYSCORE', key, '-inf',\n"
	"    '(' .. text(now() - tonumber(ARGV[1])), 'LIMIT', '0', '256')\n"
	"  local w = {}\n"
	"  for _, x in ipairs(e) do\n"
	"    local id, rid = string.match(x, '^(%d+) (.*)$')\n"
	"    if not id then fail('damaged', key) end\n"
	"    w[#w + 1] = {'HDEL', M .. 'request:' .. id, rid}\n"
	"    w[#w + 1] = {'ZREM', key, x}\n"
	"  end\n"
	"  apply(w)\n"
	"  return {'ok', #e == 256 and '1' or '0'}\n"
	SK_LUA_END;
