using System.Text;

namespace Plugvisor.Manual;

/// <summary>
/// Writes a man page in the man macros (man-pages(7), groff_man(7)), the common part that groff, mandoc and old systems take. Text is plain: what
/// roff would take for its own is escaped; in a term, <c>&lt;word&gt;</c> becomes italics. One thread.
/// </summary>
public sealed class ManPage
{
    private const int Width = 78;

    private readonly StringBuilder _text = new();
    private bool _isFirst;   // nothing in this section yet: it is a paragraph by itself

    /// <summary>Begins a page with its NAME section.</summary>
    /// <param name="name">The program.</param>
    /// <param name="source">Where it comes from: product and version.</param>
    /// <param name="summary">What it is, without a capital or a full stop.</param>
    public ManPage(string name, string source, string summary)
    {
        // No date: a page is the same whenever it is made of the same options.
        _text.Append(".\\\" Made by '").Append(name).Append(" man'. Do not edit.\n");
        _text.Append(".TH ").Append(Escape(name.ToUpperInvariant())).Append(" 1 \"\" \"").Append(Escape(source)).Append("\" \"User Commands\"\n");
        Section("NAME");
        _text.Append(Escape(name)).Append(" \\- ").Append(Escape(summary)).Append('\n');
    }

    /// <summary>A section: <c>OPTIONS</c>.</summary>
    public void Section(string title) => Begin(".SH ", title);

    /// <summary>A part of a section.</summary>
    public void Part(string title) => Begin(".SS ", title);

    /// <summary>A paragraph.</summary>
    public void Paragraph(string text)
    {
        NewParagraph();
        Text(text);
    }

    /// <summary>How the program is called: one line of a synopsis.</summary>
    public void Usage(string line)
    {
        if (!_isFirst) _text.Append(".br\n");
        _isFirst = false;
        _text.Append(Term(line)).Append('\n');
    }

    /// <summary>A term and what it means.</summary>
    public void Item(string term, params ReadOnlySpan<string> texts)
    {
        _isFirst = false;
        _text.Append(".TP\n").Append(Term(term)).Append('\n');
        bool first = true;
        foreach (string text in texts)
        {
            if (!first) _text.Append(".br\n");
            Text(text);
            first = false;
        }
    }

    /// <summary>Items that belong to the one before follow.</summary>
    public void Indent() => _text.Append(".RS\n");

    /// <summary>They are over.</summary>
    public void Outdent() => _text.Append(".RE\n");

    /// <summary>Lines to type, as they are.</summary>
    public void Example(params ReadOnlySpan<string> lines)
    {
        NewParagraph();
        _text.Append(".in +4n\n.nf\n");
        foreach (string line in lines) Line(Escape(line));
        _text.Append(".fi\n.in\n");
    }

    /// <summary>The page.</summary>
    public override string ToString() => _text.ToString();

    private void Begin(string macro, string title)
    {
        _text.Append(macro).Append(Argument(title)).Append('\n');
        _isFirst = true;
    }

    private void NewParagraph()
    {
        if (!_isFirst) _text.Append(".PP\n");
        _isFirst = false;
    }

    /// <summary>Filled text, in lines that a person who reads the source can bear.</summary>
    private void Text(string text)
    {
        var line = new StringBuilder();
        foreach (string word in text.Split(' '))
        {
            string escaped = Escape(word);
            if (line.Length > 0 && line.Length + 1 + escaped.Length > Width)
            {
                Line(line.ToString());
                line.Clear();
            }

            if (line.Length > 0) line.Append(' ');
            line.Append(escaped);
        }

        Line(line.ToString());
    }

    private void Line(string line)
    {
        // A line that begins with a dot is a request to roff.
        if (line.StartsWith('.')) _text.Append("\\&");
        _text.Append(line).Append('\n');
    }

    /// <summary>Bold, with <c>&lt;words&gt;</c> in italics.</summary>
    private static string Term(string text)
    {
        var term = new StringBuilder("\\fB");
        foreach (char c in text)
        {
            if (c == '<') term.Append("\\fI");
            else if (c == '>') term.Append("\\fB");
            else term.Append(Escape(c.ToString()));
        }

        return term.Append("\\fR").ToString();
    }

    private static string Argument(string text) => text.Contains(' ', StringComparison.Ordinal) ? $"\"{Escape(text)}\"" : Escape(text);

    private static string Escape(string text) => text
        .Replace("\\", "\\e", StringComparison.Ordinal)
        .Replace("-", "\\-", StringComparison.Ordinal)     // else a hyphen, which nobody can paste
        .Replace("'", "\\(aq", StringComparison.Ordinal)
        .Replace("`", "\\(ga", StringComparison.Ordinal)
        .Replace("^", "\\(ha", StringComparison.Ordinal)
        .Replace("~", "\\(ti", StringComparison.Ordinal);
}
