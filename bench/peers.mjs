// SPDX-License-Identifier: MIT
// peers.mjs - the same questions put to DuckDB and to chdb, by their packages
// for node: peers.mjs MODULES PEER WORK STORE THREADS [JSONL]
//
//   MODULES      a directory with node_modules
//   load         JSON lines become the stored table; durable when it returns
//   wordcount    the words of description between blanks, and how often
//   count        how often each package
//
// Answers are lines of tab separated fields, in no order.
import { createRequire } from 'node:module';
import { writeSync } from 'node:fs';

const [modules, peer, work, store, threads, jsonl] = process.argv.slice(2);
const need = createRequire(`${modules}/`);
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

// The types are told, for they would be guessed from a sample.
const types = (number) => [
	['package', 'TEXT'], ['version', 'TEXT'], ['installed_size', number],
	['maintainer', 'TEXT'], ['architecture', 'TEXT'], ['depends', 'TEXT'],
	['description', 'TEXT'], ['section', 'TEXT'], ['priority', 'TEXT'],
	['size', number], ['homepage', 'TEXT'], ['tag', 'TEXT'],
];

const duckdb = {
	// To split by a regular expression takes many times as long.
	wordcount: `SELECT w, count(*) FROM
	    (SELECT unnest(string_split(translate(description,
	    e'\\t\\n\\x0b\\x0c\\r', '     '), ' ')) AS w FROM packages)
	    WHERE w <> '' GROUP BY w`,
	count: 'SELECT package, count(*) FROM packages GROUP BY package',
	load: () => `CREATE TABLE packages AS SELECT * FROM read_json(
	    ${quoted(jsonl)}, format = 'newline_delimited', columns = {${
	    types('BIGINT').map(([name, type]) => `${name}: '${type}'`)}});
	    CHECKPOINT`,

	async run() {
		const { DuckDBInstance } = need('@duckdb/node-api');
		const db = await DuckDBInstance.create(store, { threads });
		const connection = await db.connect();

		await connection.run(work === 'load' ? this.load() :
		    `COPY (${this[work]}) TO '/dev/stdout'
		    (FORMAT csv, DELIMITER '\t', HEADER false, QUOTE '')`);
		connection.closeSync();
		db.closeSync();
	},
};

const chdb = {
	wordcount: `SELECT w, count() FROM
	    (SELECT arrayJoin(splitByWhitespace(description)) AS w FROM b.packages)
	    GROUP BY w`,
	count: 'SELECT package, count() FROM b.packages GROUP BY package',

	load(session) {
		const columns = types('Int64').map(([name, type]) =>
			`${name} ${type === 'TEXT' ? 'String' : type}`);

		session.query('CREATE DATABASE IF NOT EXISTS b');
		session.query(`CREATE TABLE b.packages (${columns})
		    ENGINE = MergeTree ORDER BY tuple()
		    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`);
		session.query(`INSERT INTO b.packages SELECT * FROM
		    file(${quoted(jsonl)}, 'JSONEachRow', ${
		    quoted(columns.join(', '))})`);
	},

	run() {
		const { Session } = need('chdb');
		const session = new Session(store);

		if (work === 'load')
			this.load(session);
		else
			writeSync(1, session.query(`${this[work]}
			    SETTINGS max_threads = ${Number(threads)}`, 'TSVRaw'));
	},
};

await { duckdb, chdb }[peer].run();
