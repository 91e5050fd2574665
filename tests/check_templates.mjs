// SPDX-License-Identifier: MIT
// check_templates.mjs FILE...: templates compared with AWS's own schemas of its
// resources: types, properties, what is required, and what GetAtt may ask for.
// @aws-cdk/aws-service-spec is found from the working directory.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(process.cwd() + '/'));
const spec = require('@aws-cdk/aws-service-spec');
const db = await spec.loadAwsServiceSpec();
const types = new Map();
let bad = 0;

function complain(where, what) {
	bad++;
	console.log(`${where}: ${what}`);
}

function typeOf(name) {
	if (!types.has(name))
		types.set(name, [...db.lookup('resource', 'cloudFormationType',
			'equals', name)][0]);
	return types.get(name);
}

// What is computed when the stack is made is not known before.
function isComputed(v) {
	const keys = v && typeof v === 'object' ? Object.keys(v) : [];
	return keys.length === 1 && (keys[0] === 'Ref' || keys[0].startsWith('Fn::'));
}

function isPlain(type, v) {
	switch (type) {
	case 'boolean': return typeof v === 'boolean' || v === 'true' || v === 'false';
	case 'integer': return Number.isInteger(Number(v)) && v !== '';
	case 'number': return Number.isFinite(Number(v)) && v !== '';
	case 'string': return ['string', 'number', 'boolean'].includes(typeof v);
	default: return true;
	}
}

// The complaints about a value: none if it may be of this type.
function judge(type, v, where) {
	if (isComputed(v))
		return [];
	if (type.type === 'union') {
		const each = type.types.map(t => judge(t, v, where));
		return each.find(c => !c.length) ?? each[0];
	}
	if (type.type === 'array')
		return Array.isArray(v) ?
			v.flatMap((x, i) => judge(type.element, x, `${where}[${i}]`)) :
			[[where, 'no list']];
	if (type.type === 'map')
		return Object.entries(v).flatMap(([k, x]) =>
			judge(type.element, x, `${where}.${k}`));
	if (type.type === 'ref')
		return members(db.get('typeDefinition', type.reference.$ref).properties,
			v, where);
	if (type.type === 'tag')
		return 'Key' in v && 'Value' in v ? [] : [[where, 'no tag']];
	if (!isPlain(type.type, v))
		return [[where, `${JSON.stringify(v)} is no ${type.type}`]];
	if (type.allowedValues && !type.allowedValues.map(String).includes(String(v)))
		return [[where, `${v} is none of ${type.allowedValues}`]];
	return [];
}

function members(known, v, where) {
	if (typeof v !== 'object' || Array.isArray(v))
		return [[where, 'no object']];
	const strange = Object.keys(v).filter(k => !(k in known))
		.map(k => [`${where}.${k}`, 'no such property']);
	const missing = Object.keys(known).filter(k => known[k].required && !(k in v))
		.map(k => [where, `${k} is missing`]);
	const wrong = Object.keys(v).filter(k => k in known)
		.flatMap(k => judge(known[k].type, v[k], `${where}.${k}`));
	return [...strange, ...missing, ...wrong];
}

function attributes(t, v, where) {
	if (v === null || typeof v !== 'object')
		return;
	const asked = [];
	if ('Fn::GetAtt' in v)
		asked.push(v['Fn::GetAtt']);
	if (typeof v['Fn::Sub'] === 'string')
		for (const m of v['Fn::Sub'].matchAll(/\$\{([A-Za-z0-9]+)\.([^}]+)\}/g))
			asked.push([m[1], m[2]]);
	for (const [id, name] of asked)
		if (!(name in (typeOf(t.Resources[id]?.Type)?.attributes ?? {})))
			complain(where, `${id} has no attribute ${name}`);
	for (const [k, x] of Object.entries(v))
		attributes(t, x, `${where}.${k}`);
}

for (const file of process.argv.slice(2)) {
	const t = JSON.parse(readFileSync(file, 'utf8'));
	for (const [id, r] of Object.entries(t.Resources)) {
		const type = typeOf(r.Type);
		if (!type)
			complain(`${file}: ${id}`, `no type ${r.Type}`);
		else
			members(type.properties, r.Properties ?? {}, `${file}: ${id}`)
				.forEach(c => complain(...c));
	}
	attributes(t, t, file);
}
console.log(`${process.argv.length - 2} templates, ${bad} complaints`);
process.exit(bad || process.argv.length < 3 ? 1 : 0);
