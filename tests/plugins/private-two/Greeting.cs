namespace Sample.Private;

/// <summary>Version 2 of a library that two plugins carry in two versions.</summary>
public static class Greeting
{
    public const int Version = 2;

    public static string Say() => "private 2";
}
