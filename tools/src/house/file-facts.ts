import {
  type ExportDeclaration,
  type ImportDeclaration,
  isArrowFunction,
  isCallExpression,
  isConstructorDeclaration,
  isExportDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isIdentifier,
  isImportDeclaration,
  isMethodDeclaration,
  isNamedExports,
  isNamedImports,
  isPropertyAssignment,
  isPropertyDeclaration,
  isSetAccessorDeclaration,
  isStringLiteral,
  isVariableDeclaration,
  isVariableStatement,
  type Node,
  type SourceFile,
  type Statement,
  SyntaxKind,
} from 'typescript/unstable/ast';

/** One function of a file. `name` is absent for a function that is passed on without a name. */
export type FunctionFact = { name: string | undefined; line: number; lines: number; parameters: number };

/** One name that a file exports; `from` is set where the file only passes on the export of another module. */
export type ExportFact = {
  name: string;
  line: number;
  isDocumented: boolean;
  from?: { specifier: string; name: string };
};

/** The names that a file imports from a module; `all` where it imports the module as a whole. */
export type ImportFact = { specifier: string; names: readonly string[] | 'all' };

/** What one source file adds to the measures. */
export type FileFacts = {
  /** Relative to the repository. */
  path: string;
  lines: number;
  /** Size of its text in UTF-8. */
  bytes: number;
  /** Lines that hold nothing but a comment. */
  commentLines: number;
  functions: readonly FunctionFact[];
  exports: readonly ExportFact[];
  imports: readonly ImportFact[];
};

/** Reads the facts of one parsed file; `path` names it in them. */
export function factsOf(source: SourceFile, path: string): FileFacts {
  const functions: FunctionFact[] = [];
  const imports: ImportFact[] = [
    ...source.statements.filter(isImportDeclaration).map(importOf),
    ...importsOfScripts(source.text),
  ];
  const visit = (node: Node): void => {
    const fact = functionIn(source, node);
    if (fact) functions.push(fact);
    const dynamic = dynamicImportIn(node);
    if (dynamic !== undefined) imports.push({ specifier: dynamic, names: 'all' });
    node.forEachChild(visit);
  };
  visit(source);
  const lines = source.text.trimEnd().split('\n');
  return {
    path,
    lines: lines.length,
    bytes: Buffer.byteLength(source.text),
    commentLines: lines.filter((line) => /^\s*(\/\/|\/\*|\*)/.test(line)).length,
    functions,
    exports: source.statements.flatMap((statement) => exportsOf(source, statement)),
    imports,
  };
}

function lineAt(source: SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1;
}

function functionIn(source: SourceFile, node: Node): FunctionFact | undefined {
  const isFunction =
    isFunctionDeclaration(node) ||
    isFunctionExpression(node) ||
    isArrowFunction(node) ||
    isMethodDeclaration(node) ||
    isConstructorDeclaration(node) ||
    isGetAccessorDeclaration(node) ||
    isSetAccessorDeclaration(node);
  if (!isFunction || !node.body) return undefined;
  const line = lineAt(source, node.getStart(source));
  const lines = lineAt(source, node.end) - line + 1;
  return { name: nameOf(source, node), line, lines, parameters: node.parameters.length };
}

function nameOf(source: SourceFile, node: Node): string | undefined {
  if (isConstructorDeclaration(node)) return 'constructor';
  const named =
    isArrowFunction(node) || isFunctionExpression(node) ? (ownName(node) ?? ownName(node.parent)) : ownName(node);
  return named?.getText(source);
}

function ownName(node: Node): Node | undefined {
  const hasName =
    isFunctionDeclaration(node) ||
    isFunctionExpression(node) ||
    isMethodDeclaration(node) ||
    isGetAccessorDeclaration(node) ||
    isSetAccessorDeclaration(node) ||
    isVariableDeclaration(node) ||
    isPropertyAssignment(node) ||
    isPropertyDeclaration(node);
  return hasName ? node.name : undefined;
}

function importOf(statement: ImportDeclaration): ImportFact {
  const specifier = textOf(statement.moduleSpecifier);
  const clause = statement.importClause;
  const bindings = clause?.namedBindings;
  if (!clause) return { specifier, names: [] };
  if (bindings && !isNamedImports(bindings)) return { specifier, names: 'all' };
  const names = bindings?.elements.map(({ propertyName, name }) => textOf(propertyName ?? name)) ?? [];
  return { specifier, names: clause.name ? ['default', ...names] : names };
}

/** Imports of scripts in template strings, which another process runs: `import { run } from ${source('run.ts')};` */
function importsOfScripts(text: string): ImportFact[] {
  return [...text.matchAll(/import \{([^}]*)\} from \$\{\w+\('([^']+\.ts)'\)\}/g)].map(([, names = '', path = '']) => ({
    specifier: path.startsWith('.') ? path : `./${path}`,
    names: names.split(',').map((name) => name.trim()),
  }));
}

function dynamicImportIn(node: Node): string | undefined {
  if (!isCallExpression(node) || node.expression.kind !== SyntaxKind.ImportKeyword) return undefined;
  const [argument] = node.arguments;
  return argument && isStringLiteral(argument) ? argument.text : undefined;
}

function exportsOf(source: SourceFile, statement: Statement): ExportFact[] {
  if (isExportDeclaration(statement)) return passedOn(source, statement);
  const modifiers = 'modifiers' in statement ? (statement.modifiers as readonly Node[] | undefined) : undefined;
  if (!modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword)) return [];
  const fact = { line: lineAt(source, statement.getStart(source)), isDocumented: (statement.jsDoc?.length ?? 0) > 0 };
  if (isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => ({ ...fact, name: name.getText(source) }));
  }
  const name = 'name' in statement ? (statement.name as Node | undefined) : undefined;
  return name ? [{ ...fact, name: name.getText(source) }] : [];
}

function passedOn(source: SourceFile, statement: ExportDeclaration): ExportFact[] {
  const { exportClause, moduleSpecifier } = statement;
  if (!exportClause || !isNamedExports(exportClause) || !moduleSpecifier) return [];
  const specifier = textOf(moduleSpecifier);
  return exportClause.elements.map(({ propertyName, name }) => ({
    name: textOf(name),
    line: lineAt(source, statement.getStart(source)),
    isDocumented: true, // The doc stands with the declaration.
    from: { specifier, name: textOf(propertyName ?? name) },
  }));
}

function textOf(node: Node): string {
  return isIdentifier(node) || isStringLiteral(node) ? node.text : '';
}
