/* SPDX-License-Identifier: MIT */
/*
 * meta_redis_lua.h - what the steps in meta_redis_script*.c are made of, in Lua.
 * KEYS[1] is what all keys begin with, the last of ARGV the uuid of the cluster
 * that was opened, or nothing; keys are drawn in meta_redis.c, records in
 * meta_record.h.
 *
 * A script reads and checks first, gathers what it will write, and writes at
 * the end, where nothing can fail any more: types and rights have been
 * checked, and a server that is out of memory, read-only or without its disk
 * refuses the first write, which is therefore one that asks for memory, but
 * in the steps that free some.
 *
 * Lua's numbers are doubles: all counters stay below 2^53.  Clocks are the
 * server's.
 */
#ifndef SK_META_REDIS_LUA_H
#define SK_META_REDIS_LUA_H

/* fail: end with that answer.  call: a command, whose errors end the script as
 * they are.  apply: a list of writing commands, all or none. */
#define SK_LUA_BASE \
	"local M, UUID = KEYS[1], table.remove(ARGV)\n" \
	"local function fail(...) error({snek = {...}}, 0) end\n" \
	"local function call(...)\n" \
	"  local r = redis.pcall(...)\n" \
	"  if type(r) ~= 'table' or not r.err then return r end\n" \
	"  if string.find(r.err, 'WRONGTYPE', 1, true) then\n" \
	"    fail('damaged', (select(2, ...)))\n" \
	"  end\n" \
	"  r.err = string.gsub(r.err, '^@[^:]*: *%d+: *%-?', '')\n" \
	"  error({snek = r}, 0)\n" \
	"end\n" \
	"local TYPE = {H = 'hash', Z = 'zset', S = 'set'}\n" \
	"local function apply(w)\n" \
	"  for _, c in ipairs(w) do\n" \
	"    local want = TYPE[string.sub(c[1], 1, 1)]\n" \
	"    local is = want and call('TYPE', c[2])\n" \
	"    is = is and (is.ok or is)\n" \
	"    if want and is ~= want and is ~= 'none' then\n" \
	"      fail('damaged', c[2])\n" \
	"    end\n" \
	"    if redis.acl_check_cmd and not redis.acl_check_cmd(unpack(c)) then\n" \
	"      fail('denied', c[1], c[2])\n" \
	"    end\n" \
	"  end\n" \
	"  for _, c in ipairs(w) do call(unpack(c)) end\n" \
	"end\n" \
	"local MAX = 9007199254740992\n" \
	"local function number(v, key)\n" \
	"  local n = v and string.match(v, '^%d+$') and tonumber(v)\n" \
	"  if not n or n >= MAX then fail('damaged', key) end\n" \
	"  return n\n" \
	"end\n" \
	"local function text(n) return string.format('%.0f', n) end\n" \
	"local function add(a, b)\n" \
	"  if a + b >= MAX then fail('limit') end\n" \
	"  return text(a + b)\n" \
	"end\n" \
	"local function now() return tonumber(call('TIME')[1]) end\n"

/* category: the fields of its record, and its key; nil if there is none. */
#define SK_LUA_CATEGORY \
	"local FIELDS = {'name', 'placement', 'version', 'epoch', 'writes',\n" \
	"  'records', 'bytes'}\n" \
	"local function category(id)\n" \
	"  local key = M .. 'category:' .. id\n" \
	"  local c = call('HMGET', key, unpack(FIELDS))\n" \
	"  local n = 0\n" \
	"  for i = 1, 7 do if c[i] then n = n + 1 end end\n" \
	"  if n == 0 then return nil, key end\n" \
	"  if n < 7 then fail('damaged', key) end\n" \
	"  return c, key\n" \
	"end\n" \
	"local function named(name)\n" \
	"  local id = call('HGET', M .. 'name', name)\n" \
	"  if not id then return end\n" \
	"  number(id, M .. 'name')\n" \
	"  local c, key = category(id)\n" \
	"  if not c or c[1] ~= name then fail('damaged', key) end\n" \
	"  return c, key, id\n" \
	"end\n" \
	"local function visible(name)\n" \
	"  local c, key, id = named(name)\n" \
	"  if not c or c[3] == '0' then fail('none') end\n" \
	"  return c, key, id\n" \
	"end\n" \
	"local function whole(id, c)\n" \
	"  return {'ok', id, unpack(c)}\n" \
	"end\n"

/* owner: "ID FIRST" of the entry that names the write, if its category lives.
 * place: are all those shards of the placement? */
#define SK_LUA_WRITE \
	"local function owner(w)\n" \
	"  local o = call('HGET', M .. 'named', w)\n" \
	"  local id = o and string.match(o, '^(%d+) %d+$')\n" \
	"  if not o then return end\n" \
	"  if not id then fail('damaged', M .. 'named') end\n" \
	"  if call('EXISTS', M .. 'category:' .. id) == 1 then return o end\n" \
	"end\n" \
	"local function fresh(w)\n" \
	"  if call('HEXISTS', M .. 'aborted', w) == 1 then fail('aborted') end\n" \
	"  local o = owner(w)\n" \
	"  if o then fail('named', o) end\n" \
	"end\n" \
	"local function place(c, key, shards)\n" \
	"  local p, has = c[2], {}\n" \
	"  if #p == 0 or #p % 4 ~= 0 then fail('damaged', key) end\n" \
	"  for i = 1, #p, 4 do\n" \
	"    if (struct.unpack('<I4', p, i)) > 1023 then fail('damaged', key) end\n" \
	"    has[string.sub(p, i, i + 3)] = true\n" \
	"  end\n" \
	"  for i = 1, #shards, 4 do\n" \
	"    local s = string.sub(shards, i, i + 3)\n" \
	"    if not has[s] then fail('shard', text((struct.unpack('<I4', s)))) end\n" \
	"  end\n" \
	"  return p\n" \
	"end\n"

#define SK_LUA_MAIN "local function main()\n"
#define SK_LUA_END \
	"end\n" \
	"local ok, r = pcall(function()\n" \
	"  if UUID ~= '' and call('HGET', M .. 'cluster', 'uuid') ~= UUID then\n" \
	"    fail('gone')\n" \
	"  end\n" \
	"  return main()\n" \
	"end)\n" \
	"if ok then return r end\n" \
	"if type(r) == 'table' and r.snek then return r.snek end\n" \
	"if type(r) == 'table' and r.err then return r end\n" \
	"return redis.error_reply('ERR ' .. tostring(r))\n"

extern const char sk_lua_make[], sk_lua_get[], sk_lua_list[],
    sk_lua_remove[], sk_lua_purge[], sk_lua_snapshot[],
    sk_lua_request[], sk_lua_commit[], sk_lua_fold[],
    sk_lua_named[], sk_lua_abort[], sk_lua_forget[],
    sk_lua_expire[];
extern const char sk_lua_job_create[], sk_lua_job_look[], sk_lua_job_claim[],
    sk_lua_job_renew[], sk_lua_job_put[], sk_lua_job_end[],
    sk_lua_job_cancel[], sk_lua_job_get[], sk_lua_job_items[],
    sk_lua_job_list[], sk_lua_job_remove[];
#endif
