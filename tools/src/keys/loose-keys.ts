import {
  type ElementAccessExpression,
  type Expression,
  isArrayLiteralExpression,
  isAsExpression,
  isBinaryExpression,
  isBindingElement,
  isCallExpression,
  isComputedPropertyName,
  isDeleteExpression,
  isElementAccessExpression,
  isObjectBindingPattern,
  isObjectLiteralExpression,
  isParenthesizedExpression,
  isPrivateIdentifier,
  isPropertyAccessExpression,
  isPropertyAssignment,
  type Node,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { type Checker, type Project, type Type, TypeFlags } from 'typescript/unstable/sync';

/** A place that reads a name from an object which its type does not declare, so that the result may be an inherited property. */
type LooseKey = { file: string; line: number; text: string; remedy: string };

const READ = 'use own(record, key) of @kuperator/api, or a Map';
const WRITE = 'use setOwn(record, key, value) of @kuperator/api, or a Map';
const HAS = 'use Object.hasOwn(record, key)';
const ASSIGN = 'use a spread: Object.assign replaces the prototype for a key __proto__';

/** Every loose key in the files of `project` that `isChecked` accepts. */
export function looseKeysOf(project: Project, isChecked: (file: string) => boolean): LooseKey[] {
  return project.rootFiles.filter(isChecked).flatMap((file) => {
    const source = project.program.getSourceFile(file);
    if (!source) throw new Error(`${project.configFileName} names ${file}, which the compiler did not read`);
    return looseKeysIn(source, file, project.checker);
  });
}

type Use = { node: Node; key: Expression | undefined; remedy: string };

function looseKeysIn(source: SourceFile, file: string, checker: Checker): LooseKey[] {
  const uses: Use[] = [];
  const visit = (node: Node): void => {
    uses.push(...usesOf(node));
    node.forEachChild(visit);
  };
  visit(source);
  // Ask for all keys of a file in one request, because each request is a round trip to the compiler.
  const keys = uses.map(({ key }) => key).filter((key) => key !== undefined);
  const types = new Map(checker.getTypeAtLocation(keys).map((type, index) => [keys[index], type]));
  return uses
    .filter(({ key }) => key === undefined || !isClosed(key, types.get(key), checker))
    .map(({ node, remedy }) => ({ file, line: lineOf(source, node), text: textOf(source, node), remedy }));
}

/** The places where `node` itself reads a name from an object. An entry without a key means any name. */
function usesOf(node: Node): Use[] {
  if (isElementAccessExpression(node)) {
    if (isDeleteExpression(node.parent)) return []; // A delete removes only own properties.
    return [{ node, key: node.argumentExpression, remedy: isWritten(node) ? WRITE : READ }];
  }
  if (isBinaryExpression(node)) {
    const isIn = node.operatorToken.kind === SyntaxKind.InKeyword && !isPrivateIdentifier(node.left);
    if (isIn) return [{ node, key: node.left, remedy: HAS }];
    return node.operatorToken.kind === SyntaxKind.EqualsToken ? taken(node.left) : [];
  }
  if (isBindingElement(node) && isObjectBindingPattern(node.parent)) {
    const name = node.propertyName;
    return name && isComputedPropertyName(name) ? [{ node, key: name.expression, remedy: READ }] : [];
  }
  if (isCallExpression(node) && isPropertyAccessExpression(node.expression)) {
    const called = `${node.expression.expression.getText()}.${node.expression.name.getText()}`;
    if (called === 'Object.assign') return [{ node, key: undefined, remedy: ASSIGN }];
    if (/^Reflect\.(get|has|set)$/.test(called)) return [{ node, key: node.arguments[1], remedy: READ }];
  }
  return [];
}

/** The computed names of an assignment like `({ [key]: value } = record)`. */
function taken(left: Node): Use[] {
  if (isParenthesizedExpression(left)) return taken(left.expression);
  if (isArrayLiteralExpression(left)) return left.elements.flatMap(taken);
  if (!isObjectLiteralExpression(left)) return [];
  return left.properties.flatMap((property) =>
    isPropertyAssignment(property) && isComputedPropertyName(property.name)
      ? [{ node: property, key: property.name.expression, remedy: READ }]
      : [],
  );
}

function isWritten(node: ElementAccessExpression): boolean {
  const { parent } = node;
  return isBinaryExpression(parent) && parent.left === node && ASSIGNMENTS.has(parent.operatorToken.kind);
}

const ASSIGNMENTS = new Set<SyntaxKind>([
  SyntaxKind.EqualsToken,
  SyntaxKind.QuestionQuestionEqualsToken,
  SyntaxKind.BarBarEqualsToken,
  SyntaxKind.AmpersandAmpersandEqualsToken,
  SyntaxKind.PlusEqualsToken,
]);

/** True if `key` can only have values that the source names: numbers, symbols, literals and unions of these. */
function isClosed(key: Expression, type: Type | undefined, checker: Checker): boolean {
  // A type assertion proves nothing, so check the expression inside it.
  if (isParenthesizedExpression(key))
    return isClosed(key.expression, checker.getTypeAtLocation(key.expression), checker);
  if (isAsExpression(key)) return isClosed(key.expression, checker.getTypeAtLocation(key.expression), checker);
  return type !== undefined && isClosedType(type, checker);
}

const CLOSED =
  TypeFlags.NumberLike | TypeFlags.ESSymbolLike | TypeFlags.StringLiteral | TypeFlags.EnumLike | TypeFlags.Never;

function isClosedType(type: Type, checker: Checker): boolean {
  if (type.isUnionType()) return type.getTypes().every((each) => isClosedType(each, checker));
  if (type.flags & TypeFlags.Instantiable) {
    const constraint = checker.getBaseConstraintOfType(type);
    return constraint !== undefined && constraint !== type && isClosedType(constraint, checker);
  }
  return (type.flags & CLOSED) !== 0;
}

function lineOf(source: SourceFile, node: Node): number {
  return source.text.slice(0, node.end).split('\n').length;
}

function textOf(source: SourceFile, node: Node): string {
  return source.text.slice(node.pos, node.end).replace(/\s+/g, ' ').trim();
}
