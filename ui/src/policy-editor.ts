// The editor of policy JSON, fetched when one is opened: CodeMirror with the window's own tokens.

import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, lintKeymap, linter } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { drawSelection, EditorView, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { jsonProblem } from './policy-lint';

const look = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: 'var(--size-small)', maxHeight: '24rem', minHeight: '12rem' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: 'var(--line-body)', fontVariantLigatures: 'none', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--text)', padding: '8px 0', userSelect: 'text', WebkitUserSelect: 'text', cursor: 'text' },
  '.cm-gutters': { backgroundColor: 'var(--surface-list)', color: 'var(--text-quiet)', border: 'none', borderRight: '1px solid var(--line)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--code-mark)' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--surface-selected)', outline: 'none' },
  '.cm-foldPlaceholder': { backgroundColor: 'var(--surface-selected)', border: 'none', color: 'var(--text-quiet)', padding: '0 4px' },
  '.cm-tooltip': { backgroundColor: 'var(--surface-raised)', color: 'var(--text)', border: '1px solid var(--line-strong)', borderRadius: 'var(--radius)', maxWidth: '24rem' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--danger)' },
  '.cm-lintRange-error': { backgroundImage: 'none', borderBottom: '2px solid var(--danger)' },
  '.cm-lint-marker-error': { content: '""', width: '8px', height: '8px', margin: '6px 2px', borderRadius: '50%', backgroundColor: 'var(--danger)' },
});
const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--code-key)' },
  { tag: tags.string, color: 'var(--code-string)' },
  { tag: [tags.bool, tags.null, tags.number], color: 'var(--code-word)' },
]);

/** Makes an editor in a place. */
export function policyEditor(parent: HTMLElement, { label, described, text, change }: { label: string; described: string; text: string; change: (text: string) => void }): EditorView {
  return new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), foldGutter(), history(), drawSelection(), indentOnInput(), indentUnit.of('  '), bracketMatching(), json(), syntaxHighlighting(colours), look,
        lintGutter(), linter(({ state }) => {
          const problem = jsonProblem(state.doc.toString());
          if (!problem) return [];
          const from = Math.min(problem.at, state.doc.length);
          return [{ from, to: Math.min(from + 1, state.doc.length), severity: 'error', message: problem.text }];
        }, { delay: 200 }),
        keymap.of([...defaultKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap]),
        EditorView.contentAttributes.of({ 'aria-label': label, 'aria-describedby': described, spellcheck: 'false', autocapitalize: 'off' }),
        EditorView.updateListener.of((update) => { if (update.docChanged) change(update.state.doc.toString()); }),
      ],
    }),
  });
}
