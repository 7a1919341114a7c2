using System.Globalization;
using System.Text;

namespace Plugvisor.Bench.Suite.Report;

/// <summary>A horizontal bar a contender, with a whisker from minimum to maximum, as SVG.</summary>
internal static class BarPlot
{
    private const int Width = 640, Row = 34, Label = 130, Right = 110;

    public static string Render(Benchmark benchmark, IReadOnlyList<Result> results)
    {
        int height = (results.Count * Row) + 16;
        double most = results.Max(result => result.Statistics.Max);
        double scale = (Width - Label - Right) / (most > 0 ? most : 1);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<title>{benchmark.Title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
        for (int i = 0; i < results.Count; i++)
        {
            Statistics s = results[i].Statistics;
            int y = 8 + (i * Row);
            string colour = i == 0 ? "#2a6f97" : "#a9b4bd";
            double middle = y + 13;
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Label - 8}\" y=\"{y + 18}\" text-anchor=\"end\">{results[i].Contender}</text>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Label}\" y=\"{y + 3}\" width=\"{s.Median * scale:0.#}\" height=\"20\" fill=\"{colour}\"/>\n");
            svg.Append(CultureInfo.InvariantCulture,
                $"<path d=\"M{Label + (s.Min * scale):0.#} {middle}H{Label + (s.Max * scale):0.#}M{Label + (s.Min * scale):0.#} {middle - 4}v8M{Label + (s.Max * scale):0.#} {middle - 4}v8\" stroke=\"#222\"/>\n");
            svg.Append(CultureInfo.InvariantCulture,
                $"<text x=\"{Label + (s.Max * scale) + 8:0.#}\" y=\"{y + 18}\">{PerformancePage.Number(s.Median)} {benchmark.Unit}</text>\n");
        }

        return svg.Append("</svg>\n").ToString();
    }
}
