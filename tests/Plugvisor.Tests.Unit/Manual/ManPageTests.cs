using Plugvisor.Manual;
using Xunit;

namespace Plugvisor.Tests.Unit.Manual;

public sealed class ManPageTests
{
    [Fact]
    public void A_page_is_written_in_the_man_macros()
    {
        var page = new ManPage("thing", "Thing 1.0", "does it");
        page.Section("SYNOPSIS");
        page.Usage("thing --a <b>");
        page.Usage("thing help");
        page.Section("OPTIONS");
        page.Item("--a <b>", "What it is.", "Example: a=\"x\"");
        page.Indent();
        page.Item("key", ".leading dot and 'quote'");
        page.Outdent();
        page.Part("More words");
        page.Paragraph("one");
        page.Paragraph("two");
        page.Section("EXAMPLES");
        page.Example("thing 'x' \\", "   --a b");
        Assert.Equal(
            """
            .\" Made by 'thing man'. Do not edit.
            .TH THING 1 "" "Thing 1.0" "User Commands"
            .SH NAME
            thing \- does it
            .SH SYNOPSIS
            \fBthing \-\-a \fIb\fB\fR
            .br
            \fBthing help\fR
            .SH OPTIONS
            .TP
            \fB\-\-a \fIb\fB\fR
            What it is.
            .br
            Example: a="x"
            .RS
            .TP
            \fBkey\fR
            \&.leading dot and \(aqquote\(aq
            .RE
            .SS "More words"
            one
            .PP
            two
            .SH EXAMPLES
            .in +4n
            .nf
            thing \(aqx\(aq \e
               \-\-a b
            .fi
            .in

            """, page.ToString());
    }

    [Fact]
    public void Long_text_is_wrapped()
    {
        var page = new ManPage("thing", "Thing 1.0", "does it");
        page.Section("DESCRIPTION");
        page.Paragraph(string.Join(' ', Enumerable.Repeat("word", 100)));
        Assert.All(page.ToString().Split('\n'), line => Assert.True(line.Length <= 80, line));
    }
}
