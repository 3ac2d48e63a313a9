<?php
$pages = [
    '/' => 'public-content',
    '/public/page' => 'public-content',
    '/admin/secret' => 'protected-content:admin/secret',
    '/x.php' => 'protected-content:x.php',
    'secret.example/hosted' => 'protected-content:hosted',
    '127.0.0.1/address' => 'protected-content:address',
];
$path = rawurldecode((string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
$host = parse_url('http://' . ($_SERVER['HTTP_HOST'] ?? ''), PHP_URL_HOST);
$page = $pages[$path] ?? $pages["$host$path"] ?? null;
http_response_code($page ? 200 : 404);
echo $page ?? 'no';
