/* SPDX-License-Identifier: MIT */
#include "store/meta_redis_lua.h"

/* ARGV: name. */
const char sk_lua_make[] = SK_LUA_BASE SK_LUA_CATEGORY SK_LUA_MAIN
	"  local c, key, id = named(ARGV[1])\n"
	"  if c then return whole(id, c) end\n"
	"  key = M .. 'cluster'\n"
	"  local r = call('HMGET', key, 'shards', 'level', 'draw', 'next')\n"
	"  local n, level = number(r[1], key), number(r[2], key)\n"
	"  local draw, new = number(r[3], key), number(r[4], key)\n"
	"  if n < 1 or n > 1024 or level < 1 or level > n then\n"
	"    fail('damaged', key)\n"
	"  end\n"
	"  id = text(new)\n"
	"  for _, k in ipairs({'category:', 'manifest:', 'request:'}) do\n"
	"    if call('EXISTS', M .. k .. id) == 1 then\n"
	"      fail('damaged', M .. k .. id)\n"
	"    end\n"
	"  end\n"
	"  local p = {}\n"
	"  for i = 0, level - 1 do\n"
	"    p[#p + 1] = struct.pack('<I4', (draw % n + i) % n)\n"
	"  end\n"
	"  c = {ARGV[1], table.concat(p), '0', '0', '0', '0', '0'}\n"
	"  local w = {'HSET', M .. 'category:' .. id}\n"
	"  for i = 1, 7 do w[#w + 1] = FIELDS[i]; w[#w + 1] = c[i] end\n"
	"  apply({{'HSET', key, 'draw', add(draw, 1), 'next', add(new, 1)}, w,\n"
	"    {'HSET', M .. 'name', ARGV[1], id},\n"
	"    {'ZADD', M .. 'names', '0', ARGV[1]}})\n"
	"  return whole(id, c)\n"
	SK_LUA_END;

const char sk_lua_get[] = SK_LUA_BASE SK_LUA_CATEGORY SK_LUA_MAIN
	"  local c, key, id = visible(ARGV[1])\n"
	"  return whole(id, c)\n"
	SK_LUA_END;

/* ARGV: where in the names to begin.  After "ok", the last name seen. */
const char sk_lua_list[] = SK_LUA_BASE SK_LUA_CATEGORY SK_LUA_MAIN
	"  local names = call('ZRANGEBYLEX', M .. 'names', ARGV[1], '+',\n"
	"    'LIMIT', '0', '64')\n"
	"  local out = {'ok', names[#names] or ''}\n"
	"  for _, name in ipairs(names) do\n"
	"    local c, key, id = named(name)\n"
	"    if not c then fail('damaged', M .. 'names') end\n"
	"    if c[3] ~= '0' then\n"
	"      out[#out + 1] = id\n"
	"      for i = 1, 7 do out[#out + 1] = c[i] end\n"
	"    end\n"
	"  end\n"
	"  return out\n"
	SK_LUA_END;

const char sk_lua_remove[] = SK_LUA_BASE SK_LUA_CATEGORY SK_LUA_MAIN
	"  local c, key, id = visible(ARGV[1])\n"
	"  apply({{'HDEL', M .. 'name', ARGV[1]}, {'ZREM', M .. 'names', ARGV[1]},\n"
	"    {'UNLINK', key}, {'UNLINK', M .. 'request:' .. id},\n"
	"    {'SADD', M .. 'dead', id}})\n"
	"  return {'ok'}\n"
	SK_LUA_END;

/* Some of what a removed category left.  "1": there may be more. */
const char sk_lua_purge[] = SK_LUA_BASE SK_LUA_MAIN
	"  local id = call('SRANDMEMBER', M .. 'dead')\n"
	"  if not id then return {'ok', '0'} end\n"
	"  number(id, M .. 'dead')\n"
	"  local m = M .. 'manifest:' .. id\n"
	"  local w, e = {}, call('ZRANGE', m, '0', '31')\n"
	"  for _, v in ipairs(e) do\n"
	"    local x = string.sub(v, 19, 34)\n"
	"    local o = call('HGET', M .. 'named', x)\n"
	"    if o and string.match(o, '^%d+') == id then\n"
	"      w[#w + 1] = {'HDEL', M .. 'named', x}\n"
	"    end\n"
	"  end\n"
	"  if #e == 32 then w[#w + 1] = {'ZREMRANGEBYRANK', m, '0', '31'} else\n"
	"    w[#w + 1] = {'UNLINK', m}\n"
	"    w[#w + 1] = {'SREM', M .. 'dead', id}\n"
	"  end\n"
	"  apply(w)\n"
	"  return {'ok', '1'}\n"
	SK_LUA_END;

/* ARGV: name, from, and for another page the id, the epoch and the rank where
 * it begins.  Ranks stay as they are while the epoch does. */
const char sk_lua_snapshot[] = SK_LUA_BASE SK_LUA_CATEGORY SK_LUA_MAIN
	"  local c, key, id = visible(ARGV[1])\n"
	"  local m, rank = M .. 'manifest:' .. id, ARGV[5] and tonumber(ARGV[5])\n"
	"  if rank and (id ~= ARGV[3] or c[4] ~= ARGV[4]) then fail('moved') end\n"
	"  local out = whole(id, c)\n"
	"  if tonumber(ARGV[2]) > number(c[3], key) then\n"
	"    out[10] = '0'\n"
	"    return out\n"
	"  end\n"
	"  rank = rank or math.max(0, call('ZCOUNT', m, '-inf', ARGV[2]) - 1)\n"
	"  local bytes, n = 0, 0\n"
	"  while n < 2000 and bytes < 262144 do\n"
	"    local e = call('ZRANGE', m, text(rank + n), text(rank + n + 3))\n"
	"    for i = 1, #e do\n"
	"      out[10 + n + i] = e[i]\n"
	"      bytes = bytes + #e[i]\n"
	"    end\n"
	"    n = n + #e\n"
	"    if #e < 4 then break end\n"
	"  end\n"
	"  out[10] = text(rank + n)\n"
	"  return out\n"
	SK_LUA_END;
